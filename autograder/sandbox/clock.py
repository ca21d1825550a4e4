"""The clock of one submission: from "its child is ready" to "its reply is decoded".

What the grader starts (a sandbox, a child) is never the submission's time. What the grader does
with a reply is, in processor time: a reply can be made slow to read. What others took of the
processors is not: where the kernel shares them by thread (no control group, no autogroup), many
busy threads slow down a neighbour many times. The counters are described in proc(5) and in the
kernel's scheduler/sched-stats.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path

from autograder.records import Outcome
from autograder.session import Interrupted

Alarm = Callable[[], AbstractContextManager[None]]


class SubmissionClock:
    """Seconds that a submission has left of its `total`.

    `alarm` limits processor time of this process: it raises `CheckTooSlow` in the middle of what is
    done inside of it.
    """

    def __init__(self, total: float, alarm: Alarm = nullcontext) -> None:
        self.left = total
        self._alarm = alarm

    def require(self) -> None:
        """Raise `Interrupted` as a timeout where nothing is left."""
        if self.left <= 0:
            raise Interrupted(Outcome.TIMEOUT, "the time for the whole submission is used up")

    @contextmanager
    def running(self) -> Iterator[None]:
        """Count the time on the clock: the submission's child is at work."""
        started = time.monotonic()
        try:
            yield
        finally:
            self.left -= time.monotonic() - started

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Count this process's time: a reply is decoded. Raises `CheckTooSlow` at its end."""
        started = time.process_time()
        try:
            with self._alarm():
                yield
        finally:
            self.left -= time.process_time() - started


MOST_TIMES = 10  # the limit that a request may last on the clock while its process is kept waiting
_CPUCLOCK_SCHED = 2  # of linux/posix-timers.h: the clock that clock_getcpuclockid(3) names
_TICKS = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100


@dataclass(frozen=True, slots=True)
class Shares:
    """Seconds since a process began: `used` by all its threads, `waited` for a processor by its
    first one, in which answers run.
    """

    used: float = 0.0
    waited: float = 0.0


def shares_of(pid: int) -> Shares:
    """What a process got so far; nothing where the kernel does not tell."""
    used = waited = 0.0
    with suppress(OSError, ValueError, IndexError):
        fields = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
        used = (int(fields[11]) + int(fields[12])) / _TICKS
        waited = int(Path(f"/proc/{pid}/schedstat").read_text().split()[1]) / 1e9
    return Shares(used, waited)


def kept_waiting(pid: int, before: Shares, limit: float) -> float:
    """Seconds since `before` that a process wanted to run and others had the processors.

    None are granted to one that used as much processor time as its limit allows on the clock.
    """
    now = shares_of(pid)
    if now.used - before.used >= limit:
        return 0.0
    return max(now.waited - before.waited, 0.0)


def processor_seconds(pid: int) -> float:
    """Processor time that all threads of a process have used, by the kernel's own clock.

    0 where there is no such process. Where the kernel does not give its clock, as exact as
    `shares_of`.
    """
    try:
        return time.clock_gettime(~pid << 3 | _CPUCLOCK_SCHED) if pid > 0 else 0.0
    except OSError:
        return shares_of(pid).used
