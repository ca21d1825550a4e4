"""Whole submissions, each written from the contract alone and in a style of its own, earn all.

They go the way of a stranger's submission: read, run and called inside the sandbox.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from autograder.grading.tasks import Settings
from autograder.grading.worker import Worker
from autograder.records import Grade, Outcome
from autograder.submission.discover import find_submissions

HERE = Path(__file__).parent
ASSIGNMENT = "moe_router_analysis"
SOLUTIONS = ("hooks_and_einsum.py", "numpy_minded.py", "functional.py")
SEEDS = ("a seed of the first run", "and one of the second")

pytestmark = pytest.mark.sandbox


@pytest.fixture(scope="module", params=SEEDS)
def worker(request: pytest.FixtureRequest) -> Iterator[Worker]:
    worker = Worker(Settings(seed=request.param))
    yield worker
    worker.sandbox.close()


def lost_checks(grade: Grade) -> str:
    """Every check that did not pass, with its message, a line each."""
    return "\n".join(
        f"{exercise.name}: {check.name} ({check.points:g} points): "
        f"{check.outcome.value}: {check.message}"
        for exercise in grade.exercises
        for check in exercise.checks
        if check.outcome is not Outcome.PASSED
    )


@pytest.mark.parametrize("solution", SOLUTIONS)
def test_a_solution_written_from_the_contract_earns_every_point(
    worker: Worker, solution: str
) -> None:
    (found,) = find_submissions([HERE / solution])

    grade = worker.grade(ASSIGNMENT, found)

    assert not lost_checks(grade), "\n" + lost_checks(grade)
    assert grade.score == grade.possible == 100
    assert not grade.notes
