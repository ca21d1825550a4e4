"""Naming the misconception behind a wrong answer: the known-wrong solution that answers the same.

It runs after all points are given and changes none. The checks that a submission failed are run
again with the reference in charge, so that they go through all their calls; on the side each call
also goes to the submission and to every known-wrong solution that fails the same checks. Who
replies differently drops out. Where exactly one is left, that is the misconception.
"""

from __future__ import annotations

import hashlib
import time
import warnings
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import matplotlib
import torch

from autograder.authoring.exercise import Chaff, Check, Exercise
from autograder.grading.cpu_budget import CpuBudget
from autograder.grading.fixtures import Fixtures
from autograder.grading.judge import run_check
from autograder.grading.misconceptions.reply_cache import Remembered
from autograder.grading.misconceptions.similarity import alike, deviates
from autograder.grading.sessions import LimitedSession, LocalSession
from autograder.records import CheckResult, ExerciseGrade, Outcome
from autograder.sandbox.errors import SandboxError
from autograder.session import CheckTooSlow, Interrupted, Session
from autograder.wire.limits import WireError
from autograder.wire.messages import Handles, decode_call, encode_call
from moelab_kit.calls import Call, Reply

SECONDS = 20.0  # of calls of one submission's functions; more is not worth a hint
KNOWN_LIMIT = 10.0  # seconds of processor time for one call of a known-wrong solution
MOST_DRAWS = 3  # repeated calls that show whether a function leaves its reply to chance
_UNKNOWN = frozenset({Outcome.SKIPPED, Outcome.GRADER_ERROR})
_WRONG = frozenset({Outcome.FAILED, Outcome.ERROR})


class Misconceptions:
    """The known-wrong solutions of one assignment on the material of one run.

    Their replies to the checks' calls are computed when they are first needed and remembered.
    """

    def __init__(self, fixtures: Fixtures) -> None:
        matplotlib.use("Agg")
        self.bench = fixtures.bench
        self._fixtures = fixtures
        self._functions: dict[str, Any] = {}
        self._trusted = LimitedSession(LocalSession(self._functions, fixtures.bench))
        self._replies = Remembered()

    def explain(
        self,
        exercises: Sequence[Exercise],
        grades: Sequence[ExerciseGrade],
        session: Session,
        seconds: float = SECONDS,
    ) -> tuple[ExerciseGrade, ...]:
        """The grades with the misconceptions that can be told, and their hints.

        The submission's functions are called again through `session`, for `seconds` in all;
        the grader's own work on what they reply is limited as in checks.
        """
        cpu_budget = CpuBudget()
        clock = _Clock(session, seconds, cpu_budget)
        try:
            with cpu_budget.limited():
                return tuple(
                    self._explained(exercise, grade, clock)
                    for exercise, grade in zip(exercises, grades, strict=True)
                )
        except CheckTooSlow:
            return tuple(grades)  # replies made to be slow get no hint

    @property
    def remembered_bytes(self) -> int:
        """Roughly the memory of the replies that are kept."""
        return self._replies.size

    def _explained(
        self, exercise: Exercise, grade: ExerciseGrade, session: _Clock
    ) -> ExerciseGrade:
        chaff = self._chaff_behind(exercise, grade, session)
        if chaff is None:
            return grade
        hint = " ".join(chaff.hint.split())

        def named(result: CheckResult) -> CheckResult:
            if result.outcome not in _WRONG:
                return result
            return replace(result, misconception=chaff.name, hint=hint)

        return replace(grade, checks=tuple(map(named, grade.checks)))

    def _chaff_behind(
        self, exercise: Exercise, grade: ExerciseGrade, session: _Clock
    ) -> Chaff | None:
        outcomes = {result.name: result.outcome for result in grade.checks}
        wrong = [c for c in exercise.checks if outcomes.get(c.name) in _WRONG]
        trial = _Trial(self, exercise, candidates(exercise, outcomes), session)
        for check in wrong:
            if trial.left:
                trial.run(check, self._fixtures)
        shown = [chaff for chaff in trial.left if chaff.name in trial.shown]
        return shown[0] if len(shown) == 1 and trial.deviated else None

    def reply_of(self, name: str, function: Any, call: Asked, draw: int = 0) -> Reply | None:
        """What a trusted function replies to a call; `None` for too much, or after too long.

        `draw` is the seed of what the function itself leaves to chance.
        """

        def perform() -> Reply | None:
            self._functions[call.function] = function
            try:
                with torch.random.fork_rng(devices=[]), warnings.catch_warnings(action="ignore"):
                    torch.manual_seed(draw)
                    return self._trusted.perform(call.again(), KNOWN_LIMIT)
            except (Interrupted, WireError):
                return None

        return self._replies.get((call.function, name, call.digest, draw), perform)


def candidates(exercise: Exercise, outcomes: dict[str, Outcome]) -> list[Chaff]:
    """The known-wrong solutions that fail the checks with these outcomes, as far as is known."""
    if any(outcome not in (Outcome.PASSED, *_WRONG, *_UNKNOWN) for outcome in outcomes.values()):
        return []
    failed = {name for name, outcome in outcomes.items() if outcome in _WRONG}
    unknown = {name for name, outcome in outcomes.items() if outcome in _UNKNOWN}
    return [
        chaff
        for chaff in exercise.chaffs
        if failed <= set(exercise.fails(chaff)) <= failed | unknown
    ]


class Asked:
    """A call that can be made several times: generators and what functions change are copied."""

    def __init__(self, call: Call, bench: Handles) -> None:
        self.function = call.function
        self._message = encode_call(call, bench)
        self._bench = bench
        self.digest = hashlib.sha256(self._message).digest()

    def again(self) -> Call:
        """The call with arguments of its own."""
        return decode_call(self._message, self._bench)


class _Clock:
    """A session whose calls have so many seconds in all; they do not count as the grader's work."""

    def __init__(self, session: Session, seconds: float, cpu_budget: CpuBudget) -> None:
        self._session = session
        self._left = seconds
        self.paused = cpu_budget.paused

    def perform(self, call: Call) -> Reply:
        if self._left <= 0:
            raise Interrupted(Outcome.TIMEOUT, "no time is left to look for the misconception")
        started = time.monotonic()
        try:
            with self.paused():
                return self._session.perform(call, self._left)
        finally:
            self._left -= time.monotonic() - started


class _Trial:
    """A submission's function next to the known-wrong ones: a session that compares each call."""

    def __init__(
        self, known: Misconceptions, exercise: Exercise, left: list[Chaff], session: _Clock
    ) -> None:
        self.left = left
        self.shown: set[str] = set()
        self.deviated = False
        self._known = known
        self._exercise = exercise
        self._session = session
        self._check = exercise.checks[0]
        self._bench = known.bench
        self._agreed: set[bytes] = set()

    def run(self, check: Check, fixtures: Fixtures) -> None:
        """Compare on all calls of a check; whoever is left agrees on all of them."""
        self._check = check
        try:
            run_check(self._exercise, check, self, fixtures)
        except _NobodyLeftError:
            pass
        except SandboxError:
            raise  # as in grading: the run cannot go on
        except Exception:
            self.left = []  # a hint that cannot be found is no reason to lose a grade

    def perform(self, call: Call, time_limit: float | None = None) -> Reply:
        """Reply like the reference, after asking everybody else."""
        asked = Asked(call, self._bench)
        asked_before = asked.digest in self._agreed
        self._agreed.add(asked.digest)
        right = self._known_reply("", self._exercise.solution_function, asked)
        if right is None:
            raise Interrupted(Outcome.TIMEOUT, "the reference takes too long")
        if asked_before:
            return right
        reply = self._reply(asked)
        self.left = [chaff for chaff in self.left if self._agrees(chaff, asked, reply, right)]
        self.deviated = self.deviated or deviates(reply, right, self._check)
        if not self.left:
            raise _NobodyLeftError
        return right

    def _agrees(self, chaff: Chaff, asked: Asked, reply: Reply | None, right: Reply) -> bool:
        known = self._known_reply(chaff.name, chaff.function, asked)
        wrong = deviates(known, right, self._check)
        if wrong:
            self.shown.add(chaff.name)
        if alike(reply, known, right, self._check):
            return True
        if known is None or not wrong:
            return False
        other = self._known_reply(chaff.name, chaff.function, asked, draw=1)
        if alike(other, known, right, self._check):
            return False
        again = (self._reply(asked) for _ in range(MOST_DRAWS))
        return any(not alike(reply, one, right, self._check) for one in again)

    def _known_reply(self, name: str, function: Any, asked: Asked, draw: int = 0) -> Reply | None:
        with self._session.paused():
            return self._known.reply_of(name, function, asked, draw)

    def _reply(self, asked: Asked) -> Reply | None:
        try:
            return self._session.perform(asked.again())
        except WireError:
            return None
        except Interrupted as interrupted:
            if interrupted.outcome is not Outcome.FAILED:
                raise
            return None  # more than can be sent


class _NobodyLeftError(BaseException):
    """Ends a check early; not an `Exception`, so that no check catches it."""
