"""`moelab verify --watch`: prove again whenever a file of the course is saved.

The libraries are imported once, here. Each proof runs in a fork of this process, which imports the
course anew, so that nothing of an older version of it is left; a save while a proof runs ends that
proof. It needs `os.fork`.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

PAUSE = 0.1  # seconds between two looks at the files

Files = dict[str, tuple[int, int]]


def proofs(folder: Path, prove: Callable[[], int]) -> Iterator[int | None]:
    """The exit status of each proof; None for one that a save has ended.

    The first proof starts at once, the next ones when a file in `folder` changes. Never ends by
    itself.
    """
    while True:
        seen = files_of(folder)
        pid = _started(prove)
        ended = False
        while not ended and files_of(folder) == seen:
            ended, status = _ended(pid)
            if ended:
                yield status
            else:
                time.sleep(PAUSE)
        if not ended:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            yield None
        while files_of(folder) == seen:
            time.sleep(PAUSE)


def files_of(folder: Path) -> Files:
    """The times and sizes of the files that authors write, by their path."""
    found: Files = {}
    for place, folders, names in os.walk(folder):
        folders[:] = [one for one in folders if not one.startswith((".", "__pycache__"))]
        for name in names:
            if name.endswith((".py", ".md", ".json", ".toml")) and not name.startswith("."):
                path = os.path.join(place, name)
                try:
                    about = os.stat(path)
                except OSError:
                    continue  # an editor replaces files
                found[path] = (about.st_mtime_ns, about.st_size)
    return found


def _started(prove: Callable[[], int]) -> int:
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    pid = os.fork()
    if pid:
        return pid
    status = 2
    try:
        status = prove()
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(status)


def _ended(pid: int) -> tuple[bool, int]:
    found, status = os.waitpid(pid, os.WNOHANG)
    return bool(found), os.waitstatus_to_exitcode(status) if found else 0
