"""One check against one submission: run it, and turn what happens into an outcome.

A check that breaks in an unexpected way is run again with the reference in the student's place:
if that passes, the student's answer is at fault; if not, the grader is, and nobody loses points.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

import torch

from autograder.authoring.exercise import Check, Exercise
from autograder.grading.local import LocalSession
from autograder.grading.material import Material
from autograder.grading.replies import SharedReplies
from autograder.lab.calls import Answer, Call, CallFailed, Reply
from autograder.lab.compare import difference
from autograder.records import CheckResult, ExerciseGrade, Outcome
from autograder.sandbox.errors import SandboxError
from autograder.session import Interrupted, Session
from autograder.wire.text import clean_text

TIMEOUTS_PER_EXERCISE = 2  # a function that was too slow twice is not waited for again


def judge_exercise(
    exercise: Exercise,
    session: Session,
    material: Material,
    *,
    only: Callable[[Check], bool] = lambda check: True,
    watch: Callable[[CheckResult], None] = lambda result: None,
) -> ExerciseGrade:
    """Run the checks of an exercise in order; those after a failed one are skipped.

    `watch` hears of each result before the next check runs.
    """
    results: dict[str, CheckResult] = {}
    shared = SharedReplies(session, material.bench)
    for check in filter(only, exercise.checks):
        place = shared if check.shares_calls else session
        results[check.name] = _unreached(exercise, check, results) or judge(
            exercise, check, place, material
        )
        watch(results[check.name])
    return ExerciseGrade(name=exercise.name, checks=tuple(results.values()))


def judge(exercise: Exercise, check: Check, session: Session, material: Material) -> CheckResult:
    """Run one check and say how it ended; never raises for anything that a submission does.

    `SandboxError` where submissions cannot be isolated any more.
    """
    started = time.monotonic()
    outcome, message = _outcome(exercise, check, session, material)
    return replace(_result(check, outcome, message), seconds=round(time.monotonic() - started, 6))


def _outcome(
    exercise: Exercise, check: Check, session: Session, material: Material
) -> tuple[Outcome, str]:
    try:
        _run(exercise, check, session, material)
    except AssertionError as wrong:
        return Outcome.FAILED, str(wrong) or check.title
    except CallFailed as failed:
        return Outcome.ERROR, str(failed)
    except Interrupted as interrupted:
        return interrupted.outcome, str(interrupted)
    except SandboxError:
        raise  # nobody's answer: the run cannot go on
    except Exception as error:
        return _blame(exercise, check, material, error)
    return Outcome.PASSED, ""


def _blame(
    exercise: Exercise, check: Check, material: Material, error: Exception
) -> tuple[Outcome, str]:
    """Whose fault an unexpected exception in a check is."""
    reference = LocalSession({exercise.name: exercise.solution_function}, material.bench)
    try:
        _run(exercise, check, reference, material)
    except Exception as again:
        return Outcome.GRADER_ERROR, f"the check itself is broken: {type(again).__name__}: {again}"
    return (
        Outcome.FAILED,
        f"the check could not use what {exercise.name} returned ({type(error).__name__})",
    )


def _run(exercise: Exercise, check: Check, session: Session, material: Material) -> None:
    def perform(call: Call) -> Reply:
        return session.perform(call, check.time_limit)

    answer = Answer(exercise.name, perform)
    if check.kind == "law":
        check.function(answer, **material.fixtures(exercise, check))
    else:
        _compare_with_reference(exercise, check, answer, material)


def _compare_with_reference(
    exercise: Exercise, check: Check, answer: Answer, material: Material
) -> None:
    for case in material.cases(exercise, check):
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
