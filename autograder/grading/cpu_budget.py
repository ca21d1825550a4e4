"""Limits on processor time in this process: the one alarm for checks and for trusted code.

What a check gets is plain data of bounded size, but reading and comparing it can still be made
slow. The time that the student's code runs does not count here: `SubmissionClock` limits that.
"""

from __future__ import annotations

import contextlib
import signal
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any, ClassVar

from autograder.session import CheckTooSlow

CHECK_SECONDS = 30.0  # of processor time, for one check; honest answers need less than one
TOTAL_SECONDS = 120.0  # for all checks of one submission
AGAIN_SECONDS = 0.5  # until the alarm rings again, where something swallowed the first one
GRACE_SECONDS = 30.0  # until the kernel ends a process that no alarm can interrupt


class CpuBudget:
    """The grader's processor time for one submission, or for one call of trusted code.

    Where alarms can be had (the main thread of a process on Linux or macOS), `limited` raises
    `CheckTooSlow` in the middle of a check; where a check cannot even be interrupted, as inside a
    long call of a C library, the kernel ends the process a little later. Elsewhere time is only
    counted, and `left` is known between checks. A budget inside another one pauses that one.
    """

    _ringing: ClassVar[CpuBudget | None] = None  # the one whose alarm is set; a process has one

    def __init__(
        self,
        check: float = CHECK_SECONDS,
        total: float = TOTAL_SECONDS,
        grace: float = GRACE_SECONDS,
    ) -> None:
        self._check = check
        self._grace = grace
        self.left = total
        self._within = 0.0  # what the present check has left
        self._since = 0.0
        self._rings = False
        self._pauses = False

    @contextlib.contextmanager
    def limited(self) -> Iterator[None]:
        """Limit what is done inside; raises `CheckTooSlow`."""
        self._within = min(self._check, self.left)
        outer = CpuBudget._ringing
        if outer is not None:
            outer._stop()
        try:
            try:
                self._start()
                yield
            finally:
                self._stop()
        except CheckTooSlow:
            self._stop()  # the alarm may ring while it is being put off
            raise
        finally:
            if outer is not None:
                outer._start()

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        """Do not count, and never interrupt, what is done inside."""
        self._stop()
        self._pauses = True
        try:
            yield
        finally:
            self._pauses = False
            self._start()

    @contextlib.contextmanager
    def working(self) -> Iterator[None]:
        """Limit work on a reply, which comes in a pause of a check or between checks."""
        if not self._pauses:
            with self.limited():
                yield
            return
        try:
            self._start()
            yield
        finally:
            self._stop()

    def _start(self) -> None:
        if self._within <= 0:
            raise CheckTooSlow
        self._since = time.process_time()
        if _has_alarms():
            self._rings, CpuBudget._ringing = True, self
            signal.signal(signal.SIGPROF, self._ring)
            _kernel_limit(self._since + self._within + self._grace)
            signal.setitimer(signal.ITIMER_PROF, self._within, AGAIN_SECONDS)

    def _stop(self) -> None:
        if self._rings:
            self._rings, CpuBudget._ringing = False, None
            signal.setitimer(signal.ITIMER_PROF, 0)
            _kernel_limit(None)
        if self._since:
            used = time.process_time() - self._since
            self._since = 0.0
            self._within -= used
            self.left -= used

    def _ring(self, *_: Any) -> None:
        if self._rings:
            raise CheckTooSlow


def _has_alarms() -> bool:
    return sys.platform != "win32" and threading.current_thread() is threading.main_thread()


def _kernel_limit(seconds: float | None) -> None:
    """Let the kernel end this process at so many seconds of its processor time; None for never."""
    if sys.platform != "win32":
        import resource

        hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
        wanted = hard if seconds is None else int(seconds) + 1
        bounded = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_CPU, (bounded, hard))
