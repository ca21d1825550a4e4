"""How the grader starts its own processes: forked from a server that has imported torch."""

from __future__ import annotations

from multiprocessing import get_context
from typing import Any

from autograder.interpreter import isolate_children


def server_context() -> Any:
    """What `multiprocessing` processes are started with; the server starts with the first one."""
    isolate_children()
    context: Any = get_context("forkserver")
    context.set_forkserver_preload(["autograder.preload"])
    return context
