"""Sessions in this process, with a limit on time; and sessions around a session.

`LocalSession` is for trusted code (references, wheats, chaffs) and for a student's own notebook on
their own machine, never for a stranger's submission. `SharedReplies` makes equal calls once,
`FigureCalls` remembers which call drew the figure to show.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch

from autograder.grading.cpu_budget import CpuBudget
from autograder.records import CheckResult, Outcome
from autograder.session import CheckTooSlow, Interrupted, Session
from autograder.wire.messages import Handles, decode_call, decode_reply, encode_call, encode_reply
from moelab_kit.bench import HeldModels
from moelab_kit.calls import Call, Reply, perform
from moelab_kit.drawing import Drawing
from moelab_kit.side_effects import KnownStates


class LocalSession:
    """Functions by name; arguments and results pass through the wire format as in the sandbox.

    `checks` is the bench that checks use; the functions get objects of a second bench of the same
    seed, which is replaced when a function has changed one of its models.
    """

    def __init__(self, functions: Mapping[str, Any], checks: HeldModels) -> None:
        self._functions = functions
        self._checks = checks
        self._own, self._known = checks.fresh(), KnownStates()

    def perform(self, call: Call, time_limit: float | None = None) -> Reply:
        function = callable_of(self._functions.get(call.function), call.function)
        received = decode_call(encode_call(call, self._checks), self._own)
        reply = perform(function, received, self._known)
        message = encode_reply(reply, received, self._own)
        if reply.left_behind:
            self._own, self._known = self._checks.fresh(), KnownStates()
        return decode_reply(message, call, self._checks)


def callable_of(found: Any, name: str) -> Callable[..., Any]:
    """The function of this name; `Interrupted` as missing where it is not defined or callable."""
    if found is None:
        raise Interrupted(Outcome.MISSING, f"the submission defines no function {name}")
    if not callable(found):
        raise Interrupted(Outcome.MISSING, f"{name} is not a function")
    result: Callable[..., Any] = found
    return result


@contextmanager
def one_thread() -> Iterator[None]:
    """Torch in one thread: the same sums everywhere, and processor time is time."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


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
        cpu_budget = CpuBudget(limit, limit)
        try:
            with cpu_budget.limited():
                reply = self._session.perform(call, time_limit)
        except CheckTooSlow:
            reply = None
        if reply is None or cpu_budget.left < 0:
            raise Interrupted(Outcome.TIMEOUT, f"{call.function} took more than {limit:g} s")
        return reply


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
