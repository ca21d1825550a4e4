"""A process that is not this one's child, known by its pidfd: has it ended, and end it."""

from __future__ import annotations

import contextlib
import math
import os
import select
import signal
from pathlib import Path


class ProcessHandle:
    """A process of ours. Its number may be taken by another once it has ended, its descriptor never
    means any other; `close` gives the descriptor back.

    `lifeline` is the writing end of the pipe with which the process ends: at the latest with this
    one, and when the handle is closed.
    """

    def __init__(self, pid: int, descriptor: int, lifeline: int | None = None) -> None:
        self.pid = pid
        self.descriptor = descriptor
        self._lifeline = lifeline

    @property
    def seen_as(self) -> int:
        """Its number in this process's own namespace, 0 where it has ended or cannot be told."""
        with contextlib.suppress(OSError, ValueError):
            about = Path(f"/proc/self/fdinfo/{self.descriptor}").read_text(encoding="ascii")
            line = next(line for line in about.splitlines() if line.startswith("Pid:"))
            return max(int(line.split()[1]), 0)
        return 0

    def has_ended(self, seconds: float = 0.0) -> bool:
        """Whether it has ended, or does so within `seconds`."""
        poll = select.poll()
        poll.register(self.descriptor, select.POLLIN)
        return bool(poll.poll(milliseconds(seconds)))

    def kill(self) -> None:
        """Send SIGKILL, unless it has ended."""
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(self.descriptor, signal.SIGKILL)

    def close(self) -> None:
        os.close(self.descriptor)
        if self._lifeline is not None:
            os.close(self._lifeline)


def milliseconds(seconds: float) -> int:
    """Seconds as a time-out of `poll`: never endless, and never too short."""
    return max(math.ceil(seconds * 1000), 0)
