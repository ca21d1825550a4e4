"""Calls of trusted code that end when their processor time is used up."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from autograder.lab.calls import Call, Reply
from autograder.records import Outcome
from autograder.session import Interrupted, Session

CALL_LIMIT = 20.0  # seconds of processor time; the default of `moelab grade` is as many seconds


class LimitedSession:
    """A session of trusted code whose calls end when their processor time is used up.

    Processor time, not time on the clock: a busy machine must not turn a right answer into a slow
    one. A call that never comes back is only stopped in the main thread of a POSIX system.
    """

    def __init__(self, session: Session) -> None:
        self._session = session

    def perform(self, call: Call, time_limit: float | None = None) -> Reply:
        """Call a function; raises `Interrupted` where it is too slow."""
        limit = CALL_LIMIT if time_limit is None else time_limit
        started = time.process_time()
        try:
            with _stopped_after(limit):
                reply = self._session.perform(call, time_limit)
        except _OutOfTimeError:
            reply = None
        if reply is None or time.process_time() - started > limit:
            raise Interrupted(Outcome.TIMEOUT, f"{call.function} took more than {limit:g} s")
        return reply


class _OutOfTimeError(BaseException):
    """Not an `Exception`, so that no solution catches it."""


@contextmanager
def _stopped_after(seconds: float) -> Iterator[None]:
    if (
        not hasattr(signal, "setitimer")
        or threading.current_thread() is not threading.main_thread()
    ):
        yield
        return

    def stop(number: int, frame: FrameType | None) -> None:
        raise _OutOfTimeError

    before = signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)
