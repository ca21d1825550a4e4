"""A package is only built for an assignment whose reference earns every point of it."""

from __future__ import annotations

import warnings

import matplotlib

from autograder.authoring.assignment import Assignment
from autograder.authoring.exercise import Exercise
from autograder.edition.errors import BuildError
from autograder.grading.fixtures import Fixtures
from autograder.grading.judge import judge_exercise
from autograder.grading.sessions import LocalSession, one_thread
from autograder.records import ExerciseGrade, Outcome
from autograder.seeds import bench_seed_of
from moelab_kit.bench import bench_of

_SEED = "build"


def prove_reference(assignment: Assignment) -> None:
    """Let the reference solutions take all checks; `BuildError` where one is not passed.

    One seed, and the reference alone: `moelab verify` proves far more.
    """
    if not assignment.exercises or assignment.possible <= 0:
        raise BuildError(
            f"{assignment.name}: there are no points to earn, so every submission would have all "
            "of them; declare exercises with checks that have points"
        )
    matplotlib.use("Agg")
    bench = bench_of(assignment.packages, bench_seed_of(_SEED))
    fixtures = Fixtures(assignment.name, _SEED, bench)
    with one_thread(), warnings.catch_warnings(action="ignore"):
        for exercise in assignment.exercises:
            _refuse(exercise, _judged(exercise, fixtures))


def _judged(exercise: Exercise, fixtures: Fixtures) -> ExerciseGrade:
    session = LocalSession({exercise.name: exercise.solution_function}, fixtures.bench)
    return judge_exercise(exercise, session, fixtures)


def _refuse(exercise: Exercise, grade: ExerciseGrade) -> None:
    if len(grade.checks) != len(exercise.checks) or not grade.checks:
        raise BuildError(f"{exercise.module_name}: {exercise.name} has no checks")
    for check in grade.checks:
        if check.outcome is not Outcome.PASSED:
            raise BuildError(
                f"{exercise.module_name}: the reference solution does not pass its own check "
                f"{check.name} ({check.outcome.value}: {check.message}), so nothing can be graded "
                f"with it; repair it and run `moelab verify`"
            )
