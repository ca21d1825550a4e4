"""The clock of one submission: from "its child is ready" to "its reply is decoded".

What the grader starts (a sandbox, a child) is never the submission's time. What the grader does
with a reply is, in processor time: a reply can be made slow to read.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

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
