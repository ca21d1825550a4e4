"""Why a check failed, for the instructor: one call, what came back, and what the reference gives.

The check itself says in words what is wrong, and never tells its input. Here the engine tells it:
among the last calls of the check it looks for the newest one to which the submission replied
otherwise than the reference does. That works for every check, whatever it compares.
"""

from __future__ import annotations

import builtins
import hashlib
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from autograder.authoring.exercise import Check, Exercise
from autograder.grading.cpu_budget import CpuBudget
from autograder.grading.fixtures import Fixtures
from autograder.grading.misconceptions.reply_cache import Remembered
from autograder.grading.misconceptions.similarity import deviates
from autograder.grading.sessions import LimitedSession
from autograder.grading.shown import Names, names_in, parted, shown, shown_call
from autograder.records import LONGEST_EVIDENCE, CheckResult, Evidence, Outcome
from autograder.sandbox.errors import SandboxError
from autograder.session import CheckTooSlow, Interrupted, Session
from autograder.text import clean_line
from autograder.wire.messages import encode_call
from moelab_kit.calls import Call, Reply
from moelab_kit.compare import difference

MOST_CALLS = 12  # the newest ones of a check
REFERENCE_LIMIT = 10.0  # seconds of processor time for the reference's own reply
_WRONG = frozenset({Outcome.FAILED, Outcome.ERROR, Outcome.TIMEOUT, Outcome.MEMORY, Outcome.DIED})


@dataclass(slots=True)
class _Exchange:
    """A call, with lists for its iterators, and its reply: `None` where none came."""

    call: Call
    reply: Reply | None = None


class Witness:
    """Sees the calls of one exercise's checks, check by check, and says what a failed one saw.

    `known` are the reference's replies, kept for the next submission.
    """

    def __init__(
        self, exercise: Exercise, fixtures: Fixtures, cpu_budget: CpuBudget, known: Remembered
    ) -> None:
        self._exercise = exercise
        self._fixtures = fixtures
        self._cpu_budget = cpu_budget
        self._known = known
        self._seen: deque[_Exchange] = deque(maxlen=MOST_CALLS)

    def watching(self, session: Session) -> Session:
        """A session to run the next check on."""
        self._seen.clear()
        return _Watched(session, self._seen)

    def testified(self, check: Check, result: CheckResult) -> Evidence | None:
        """What the check that has just ended saw; `None` where it passed or made no call.

        Raises nothing but `SandboxError`: what is told besides may not cost a grade.
        """
        if result.outcome not in _WRONG or not self._seen:
            return None
        try:
            return self._evidence(check, result)
        except SandboxError:
            raise
        except (Exception, CheckTooSlow):
            return None
        finally:
            self._seen.clear()

    def _evidence(self, check: Check, result: CheckResult) -> Evidence:
        newest = self._seen[-1]
        for exchange in reversed(self._seen):
            right = self._right(exchange.call)
            with self._cpu_budget.limited():
                if right is not None and deviates(exchange.reply, right, check):
                    return self._told(check, result, exchange, right)
        right = self._right(newest.call)
        with self._cpu_budget.limited():
            return self._told(check, result, newest, right)

    def _right(self, call: Call) -> Reply | None:
        """What the reference replies; `None` where that takes too long."""

        def perform() -> Reply | None:
            trusted = LimitedSession(self._fixtures.reference(self._exercise))
            try:
                return trusted.perform(replace(call, count_lines=False), REFERENCE_LIMIT)
            except Interrupted:
                return None

        digest = hashlib.sha256(encode_call(call, self._fixtures.bench)).digest()
        return self._known.get((self._exercise.name, digest), perform)

    def _told(
        self, check: Check, result: CheckResult, exchange: _Exchange, right: Reply | None
    ) -> Evidence:
        names = names_in(exchange.call, self._fixtures.bench)
        got, expected = _pair(exchange.reply, right, result.outcome, check, names)
        return Evidence(
            call=clean_line(shown_call(exchange.call, names), LONGEST_EVIDENCE),
            got=clean_line(got, LONGEST_EVIDENCE),
            expected=clean_line(expected, LONGEST_EVIDENCE),
        )


class _Watched:
    """A session that remembers the newest calls and their replies."""

    def __init__(self, session: Session, seen: deque[_Exchange]) -> None:
        self._session = session
        self._seen = seen

    def perform(self, call: Call, time_limit: float | None = None) -> Reply:
        """See `Session.perform`."""
        args = [_twice(one) for one in call.args]
        kwargs = {name: _twice(one) for name, one in call.kwargs.items()}
        sent, kept = (
            replace(
                call,
                args=tuple(pair[side] for pair in args),
                kwargs={name: pair[side] for name, pair in kwargs.items()},
            )
            for side in (0, 1)
        )
        exchange = _Exchange(kept)
        self._seen.append(exchange)
        exchange.reply = self._session.perform(sent, time_limit)
        return exchange.reply


def _twice(argument: Any) -> tuple[Any, Any]:
    """An argument to send and one to keep: an iterator is read only once."""
    if not isinstance(argument, Iterator):
        return argument, argument
    items = list(argument)
    return iter(items), items


def _pair(
    reply: Reply | None, right: Reply | None, outcome: Outcome, check: Check, names: Names
) -> tuple[str, str]:
    """What came back, and what should have."""
    if right is None:
        return _alone(reply, outcome, names), "not known: the reference takes too long"
    if reply is None or reply.raised is not None or right.raised is not None:
        return _alone(reply, outcome, names), _alone(right, outcome, names)
    if difference(reply.value, right.value, check.tolerance):
        return parted(reply.value, right.value, check.tolerance, names)
    for number, (one, other) in enumerate(zip(reply.gradients, right.gradients, strict=False)):
        if one is None and other is None:
            continue
        if one is None or other is None or difference(one, other, check.tolerance):
            got, expected = parted(one, other, check.tolerance, names)
            return f"gradient {number}: {got}", f"gradient {number}: {expected}"
    value = shown(right.value, names)
    if reply.left_behind:
        return f"{value}, and changed: {reply.left_behind[:120]!a}", f"{value}, and no change"
    if bool(reply.shares_memory) != bool(right.shares_memory):
        return f"{value}, which shares memory with an input", f"{value}, in memory of its own"
    return f"{shown(reply.value, names)}, as the reference", value


def _alone(reply: Reply | None, outcome: Outcome, names: Names) -> str:
    if reply is None:
        return f"no reply ({outcome.value})"
    if reply.raised is None:
        return shown(reply.value, names)
    kind = getattr(builtins, reply.raised.type_name, None)
    known = isinstance(kind, type) and issubclass(kind, BaseException)
    return f"raised {reply.raised.type_name}" if known else "raised an exception"
