"""Whole submissions, each written from the contract alone and in a style of its own, earn all.

They go the way of a stranger's submission: read, run and called inside the sandbox.
`SOLUTION_SEEDS=20 pytest tests/solutions` tries more seeds than the usual one.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from autograder.authoring.course import load_assignment
from autograder.grading.settings import Settings
from autograder.grading.worker import Worker
from autograder.records import Grade, Outcome
from autograder.submission.discover import find_submissions

HERE = Path(__file__).parent
SOLUTIONS = (
    ("moe_router_analysis", "hooks_and_einsum.py"),
    ("moe_router_analysis", "numpy_minded.py"),
    ("moe_router_analysis", "functional.py"),
    ("moe_routing_in_practice", "in_practice.py"),
    ("moe_routing_in_practice", "in_practice_loops.py"),
    ("moe_routing_in_practice", "in_practice_indexing.py"),
    ("moe_training_and_serving", "training_and_serving.py"),
)
SEEDS = [f"seed {number}" for number in range(int(os.environ.get("SOLUTION_SEEDS", "1")))]

pytestmark = [pytest.mark.slow, pytest.mark.sandbox]


@pytest.fixture(scope="module", params=SEEDS)
def worker(request: pytest.FixtureRequest) -> Iterator[Worker]:
    worker = Worker(Settings(seed=request.param))
    yield worker
    worker.sandbox.close()


def lost_checks(grade: Grade, written: set[str]) -> str:
    """Every check of these exercises that did not pass, with its message, a line each."""
    return "\n".join(
        f"{exercise.name}: {check.name} ({check.points:g} points): "
        f"{check.outcome.value}: {check.message}"
        for exercise in grade.exercises
        for check in exercise.checks
        if exercise.name in written and check.outcome is not Outcome.PASSED
    )


@pytest.mark.parametrize(("assignment", "solution"), SOLUTIONS)
def test_a_solution_written_from_the_contract_earns_every_point(
    worker: Worker, assignment: str, solution: str
) -> None:
    (found,) = find_submissions([HERE / solution])

    grade = worker.grade(assignment, found)

    written = set(re.findall(r"^def (\w+)", (HERE / solution).read_text(), re.MULTILINE))
    assert not lost_checks(grade, written), "\n" + lost_checks(grade, written)
    of_these = [one for one in grade.exercises if one.name in written]
    assert len(of_these) > len(grade.exercises) / 2, "a file answers most of its lab"
    assert sum(one.score for one in of_these) == sum(one.possible for one in of_these) > 0
    assert grade.possible == load_assignment(assignment).possible
    assert not grade.notes
