"""Sessions around a session: one that makes equal calls once, one that remembers what was drawn."""

from __future__ import annotations

from autograder.lab.calls import Call, Reply
from autograder.lab.drawing import Drawing
from autograder.records import CheckResult, Outcome
from autograder.session import Session
from autograder.wire.messages import Handles, encode_call


class SharedReplies:
    """For checks that look at different sides of one figure: each call of a submission draws once.

    Calls are equal when their messages are, byte by byte. A call that gave no figure is made again:
    what else a submission returns may be large, and is not kept.
    """

    def __init__(self, session: Session, bench: Handles) -> None:
        self._session = session
        self._bench = bench
        self._replies: dict[bytes, Reply] = {}

    def perform(self, call: Call, time_limit: float | None = None) -> Reply:
        """The reply to an equal earlier call, or to this one; see `Session.perform`."""
        message = encode_call(call, self._bench)
        if message in self._replies:
            return self._replies[message]
        reply = self._session.perform(call, time_limit)
        if isinstance(reply.value, Drawing):
            self._replies[message] = reply
        return reply


class FigureCalls:
    """Remembers which call's figure shows best what a submission draws for an exercise.

    That is the first one that a passed check looked at, else the first one at all. Hidden checks
    are left out: students see their pictures, and a picture shows what it was drawn from.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._drawn: Call | None = None  # by the check that is running
        self._first: Call | None = None
        self._right: Call | None = None

    @property
    def best(self) -> Call | None:
        """The call to make again for a picture; `None` where no figure came back."""
        return self._right or self._first

    def perform(self, call: Call, time_limit: float | None = None) -> Reply:
        """See `Session.perform`."""
        reply = self._session.perform(call, time_limit)
        if isinstance(reply.value, Drawing):
            self._drawn = self._drawn or call
        return reply

    def judged(self, result: CheckResult) -> None:
        """Hear how the check ended that made the calls since the last one."""
        if not result.hidden:
            self._first = self._first or self._drawn
            if result.outcome is Outcome.PASSED:
                self._right = self._right or self._drawn
        self._drawn = None
