"""How the grader starts its own processes: forked from a server that has imported torch."""

from __future__ import annotations

from multiprocessing import get_context
from typing import Any


def server_context() -> Any:
    """What `multiprocessing` processes are started with; the server starts with the first one."""
    context: Any = get_context("forkserver")
    context.set_forkserver_preload(["autograder.grading.preloaded"])
    return context
