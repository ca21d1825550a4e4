"""One check against one submission: run it, and turn what happens into an outcome.

A check that breaks in an unexpected way is run again with the reference in the student's place:
if that passes, the student's answer is at fault; if not, the grader is, and nobody loses points.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace

import torch

from autograder.authoring.exercise import Check, Exercise
from autograder.grading.attempts import DEATHS_TO_DOUBT, Attempt
from autograder.grading.cpu_budget import CpuBudget
from autograder.grading.evidence import Witness
from autograder.grading.fixtures import Case, Fixtures
from autograder.grading.sessions import SharedReplies
from autograder.records import CheckResult, ExerciseGrade, Outcome
from autograder.sandbox.errors import SandboxError, ShortageError, is_shortage
from autograder.session import CheckTooSlow, Interrupted, Session
from autograder.text import clean_text
from moelab_kit.calls import Answer, Call, CallFailed, Reply
from moelab_kit.compare import difference

TIMEOUTS_PER_EXERCISE = 2  # a function that was too slow twice is not waited for again


def judge_exercise(
    exercise: Exercise,
    session: Session,
    fixtures: Fixtures,
    *,
    only: Callable[[Check], bool] = lambda check: True,
    cpu_budget: CpuBudget | None = None,
    attempt: Attempt | None = None,
    watch: Callable[[CheckResult], None] = lambda result: None,
) -> ExerciseGrade:
    """Run the checks of an exercise in order; those after a failed one are skipped.

    `cpu_budget` is the grader's time for the submission, `attempt` the attempt that this is.
    `watch` hears of each result before the next check runs.
    """
    judging = Judging(exercise, session, fixtures, cpu_budget or CpuBudget(), attempt, watch)
    judging.run(only)
    return judging.grade


class Judging:
    """The checks of one exercise, run in one go or in parts; arguments as for `judge_exercise`.

    A `witness` adds to each failed check what an instructor may want to know of it.
    """

    def __init__(
        self,
        exercise: Exercise,
        session: Session,
        fixtures: Fixtures,
        cpu_budget: CpuBudget,
        attempt: Attempt | None,
        watch: Callable[[CheckResult], None],
        witness: Witness | None = None,
    ) -> None:
        self._exercise = exercise
        self._session = session
        self._fixtures = fixtures
        self._cpu_budget = cpu_budget
        self._attempt = attempt
        self._watch = watch
        self._witness = witness
        self._shared = SharedReplies(session, fixtures.bench)
        self._results: dict[str, CheckResult] = {}

    def run(self, only: Callable[[Check], bool]) -> None:
        """Run some of the checks, in order."""
        for check in filter(only, self._exercise.checks):
            session: Session = self._shared if check.shares_calls else self._session
            if self._witness is not None:
                session = self._witness.watching(session)
            result = _unreached(self._exercise, check, self._results) or judge(
                self._exercise,
                check,
                session,
                self._fixtures,
                cpu_budget=self._cpu_budget,
                attempt=self._attempt,
            )
            if self._witness is not None:
                result = replace(result, evidence=self._witness.testified(check, result))
            self._results[check.name] = result
            self._watch(result)

    @property
    def grade(self) -> ExerciseGrade:
        """The results so far, in the order of the exercise's checks."""
        names = [check.name for check in self._exercise.checks if check.name in self._results]
        checks = tuple(self._results[name] for name in names)
        return ExerciseGrade(name=self._exercise.name, checks=checks)


def is_told(check: Check) -> bool:
    """Whether students read all that a check says: it, and what it needs to pass, is public.

    These come first: an answer that has seen hidden inputs could tell them in later checks.
    """
    return not check.hidden and all(map(is_told, check.after))


def judge(
    exercise: Exercise,
    check: Check,
    session: Session,
    fixtures: Fixtures,
    *,
    cpu_budget: CpuBudget | None = None,
    attempt: Attempt | None = None,
) -> CheckResult:
    """Run one check and say how it ended; never raises for anything that a submission does.

    `cpu_budget` and `attempt` as for `judge_exercise`. `SandboxError` where submissions cannot be
    isolated any more.
    """
    started = time.monotonic()
    deaths = 0
    if attempt is not None:
        attempt.begin((exercise.name, check.name))
        deaths = attempt.deaths_at((exercise.name, check.name))
    if deaths >= DEATHS_TO_DOUBT:
        outcome, message = _after_deaths(exercise, check, fixtures, deaths)
    else:
        cpu_budget = cpu_budget or CpuBudget()
        alone = attempt is None or attempt.alone
        outcome, message = _outcome(exercise, check, session, fixtures, cpu_budget, alone=alone)
    return replace(_result(check, outcome, message), seconds=round(time.monotonic() - started, 6))


def _outcome(
    exercise: Exercise,
    check: Check,
    session: Session,
    fixtures: Fixtures,
    cpu_budget: CpuBudget,
    *,
    alone: bool,
) -> tuple[Outcome, str]:
    """How a check ended; `ShortageError` where it has to be run again `alone` to know that."""
    try:
        run_check(exercise, check, session, fixtures, cpu_budget)
    except AssertionError as wrong:
        return Outcome.FAILED, str(wrong) or check.title
    except CallFailed as failed:
        return Outcome.ERROR, str(failed)
    except Interrupted as interrupted:
        return interrupted.outcome, str(interrupted)
    except (SandboxError, KeyboardInterrupt):
        raise  # nobody's answer: the run cannot go on
    except CheckTooSlow:
        slow = (Outcome.TIMEOUT, f"what {exercise.name} returned takes too long to check")
        return slow if cpu_budget.left <= 0 else _blame(exercise, check, fixtures, slow)
    except BaseException as error:
        if not alone and is_shortage(error):
            raise ShortageError(f"the grader itself ran out of something ({error})") from error
        kind = type(error).__name__
        text = f"the check could not use what {exercise.name} returned ({kind})"
        return _blame(exercise, check, fixtures, (Outcome.FAILED, text))
    return Outcome.PASSED, ""


def _after_deaths(
    exercise: Exercise, check: Check, fixtures: Fixtures, deaths: int
) -> tuple[Outcome, str]:
    """How a check ended that ended the grader's process twice; a third time with the reference."""
    if deaths > DEATHS_TO_DOUBT:
        return Outcome.GRADER_ERROR, "the grader's process ended in this check, again and again"
    text = f"the grader's process ended while it checked what {exercise.name} returned"
    return _blame(exercise, check, fixtures, (Outcome.DIED, text))


def _blame(
    exercise: Exercise, check: Check, fixtures: Fixtures, wrong: tuple[Outcome, str]
) -> tuple[Outcome, str]:
    """Whose fault it is that a check broke down: `wrong` says it is the answer's.

    The reference takes the student's place: where it passes, the student's answer was at fault.
    """
    try:
        run_check(exercise, check, fixtures.reference(exercise), fixtures, CpuBudget())
    except (Exception, CheckTooSlow) as again:
        return Outcome.GRADER_ERROR, f"the check itself is broken: {type(again).__name__}: {again}"
    return wrong


def run_check(
    exercise: Exercise,
    check: Check,
    session: Session,
    fixtures: Fixtures,
    cpu_budget: CpuBudget | None = None,
) -> None:
    """Run a check on a session's function; raises whatever says that the answer is wrong.

    `CheckTooSlow` where `cpu_budget`, which limits the grader's own work, is at its end.
    """
    limited = nullcontext if cpu_budget is None else cpu_budget.limited
    paused = nullcontext if cpu_budget is None else cpu_budget.paused

    def perform(call: Call) -> Reply:
        with paused():
            return session.perform(call, check.time_limit)

    answer = Answer(exercise.name, perform)
    if check.kind == "law":
        wanted = fixtures.of(exercise, check)
        with limited():
            check.function(answer, **wanted)
    else:
        cases = fixtures.cases(exercise, check)
        with limited():
            _compare_with_reference(cases, check, answer)


def _compare_with_reference(cases: tuple[Case, ...], check: Check, answer: Answer) -> None:
    for case in cases:
        args, kwargs = case.given.args, case.given.kwargs
        expected = case.expected.value
        if check.gradient_of:
            result = answer.gradient(*args, wrt=check.gradient_of, **kwargs)
            got = result.value
            wrong = _difference(check, got, expected) or _gradient_difference(
                check, result.grads, case.expected.gradients
            )
        else:
            got = answer(*args, **kwargs)
            wrong = _difference(check, got, expected)
        if wrong:
            raise AssertionError(wrong)


def _difference(check: Check, got: object, expected: object) -> str:
    if check.compare is not None:
        return check.compare(got, expected)
    return difference(got, expected, check.tolerance)


def _gradient_difference(
    check: Check,
    got: tuple[torch.Tensor | None, ...],
    expected: tuple[torch.Tensor | None, ...],
) -> str:
    if len(got) != len(expected):
        return "the result carries no gradient"
    for one, other in zip(got, expected, strict=True):
        if one is None and other is None:
            continue
        right = torch.zeros_like(one) if other is None and one is not None else other
        if one is None and right is not None and not right.any():
            continue
        if one is None:
            return "the result carries no gradient where it should"
        wrong = difference(one, right, check.tolerance, "the gradient")
        if wrong:
            return wrong
    return ""


def _unreached(
    exercise: Exercise, check: Check, results: dict[str, CheckResult]
) -> CheckResult | None:
    """The result of a check that is not run because of how earlier ones ended."""
    earlier = [result.outcome for result in results.values()]
    if earlier and earlier[0] is Outcome.MISSING:
        return _result(check, Outcome.MISSING, next(iter(results.values())).message)
    if earlier.count(Outcome.TIMEOUT) >= TIMEOUTS_PER_EXERCISE:
        message = f"not run: {exercise.name} ran out of time in earlier checks"
        return _result(check, Outcome.TIMEOUT, message)
    for needed in check.after:
        result = results.get(needed.name)
        if result is not None and result.outcome not in (Outcome.PASSED, Outcome.GRADER_ERROR):
            return _result(check, Outcome.SKIPPED, f"not run: it needs “{needed.title}” to pass")
    return None


def _result(check: Check, outcome: Outcome, message: str) -> CheckResult:
    return CheckResult(
        name=check.name,
        title=check.title,
        hidden=check.hidden,
        points=check.points,
        outcome=outcome,
        message=clean_text(message),
    )
