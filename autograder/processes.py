"""How the grader starts its own processes: forked from a server that has imported torch."""

from __future__ import annotations

import os
import time
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from autograder.interpreter import isolate_children

PRELOADED = "MOELAB_PRELOADED"  # the variable that names packages for `preload`


def server_context(packages: tuple[str, ...] | None = None) -> Any:
    """What `multiprocessing` processes are started with; the server starts with the first one.

    `packages` are those of a course's students, which the server imports if it starts now.
    """
    isolate_children()
    if packages is not None:
        os.environ[PRELOADED] = " ".join(packages)
    context: Any = get_context("forkserver")
    context.set_forkserver_preload(["autograder.preload"])
    return context


STOPPED_SECONDS = 60.0  # how long a process of ours may be stopped (SIGSTOP) before it hangs


class StoppedProcesses:
    """Since when processes of ours have been stopped."""

    def __init__(self) -> None:
        self._since: dict[int, float] = {}

    def hangs(self, pid: int) -> bool:
        """Whether a process was stopped whenever this was asked, for more than STOPPED_SECONDS."""
        if not is_stopped(pid):
            self._since.pop(pid, None)
            return False
        now = time.monotonic()
        return now - self._since.setdefault(pid, now) > STOPPED_SECONDS


def is_stopped(pid: int) -> bool:
    """Whether a process is stopped (state T of proc(5)), and so does nothing until it goes on."""
    try:
        about = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except OSError:
        return False
    return about.rpartition(")")[2].split()[0] in "Tt"
