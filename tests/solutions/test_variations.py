"""Right ways that look different earn everything; each known slip costs points in its exercise."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import matplotlib.pyplot as plt
import pytest
from variations import SOLUTIONS, Variation, variations

from autograder.authoring.course import load_assignment
from autograder.authoring.exercise import Exercise
from autograder.grading.fixtures import Fixtures
from autograder.grading.judge import judge_exercise
from autograder.grading.sessions import LocalSession
from autograder.records import CheckResult, Outcome

ASSIGNMENTS = ("moe_router_analysis", "moe_routing_in_practice")
EXERCISES = [
    pytest.param(name, exercise, id=exercise.name)
    for name in ASSIGNMENTS
    for exercise in load_assignment(name).exercises
]

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]  # those of students' code

each_exercise = pytest.mark.parametrize(("assignment", "exercise"), EXERCISES)


@pytest.fixture(scope="module")
def materials() -> dict[str, Fixtures]:
    return {name: Fixtures(name, "a seed for variations") for name in ASSIGNMENTS}


@pytest.fixture
def fixtures(materials: dict[str, Fixtures], assignment: str) -> Fixtures:
    return materials[assignment]


@pytest.fixture(scope="module")
def sessions(materials: dict[str, Fixtures]) -> dict[str, tuple[dict[str, Any], LocalSession]]:
    """For each assignment a session for all variations: its models are made once.

    A variation that changes one of them leaves no trace of that: the session then makes them anew.
    """
    functions: dict[str, dict[str, Any]] = {name: {} for name in ASSIGNMENTS}
    return {
        name: (functions[name], LocalSession(functions[name], material.bench))
        for name, material in materials.items()
    }


@pytest.fixture
def session_of(
    sessions: dict[str, tuple[dict[str, Any], LocalSession]], assignment: str, exercise: Exercise
) -> Callable[[Variation], LocalSession]:
    """A session in which a variation answers."""
    functions, session = sessions[assignment]

    def with_function(variation: Variation) -> LocalSession:
        functions.clear()
        functions[exercise.name] = variation.function()
        return session

    return with_function


@pytest.fixture(autouse=True)
def own_figures() -> Iterator[None]:
    """Styles and figures of pyplot go with the test."""
    with plt.rc_context({"figure.max_open_warning": 0}):
        yield
    plt.close("all")


@each_exercise
def test_every_right_variant_earns_everything(
    assignment: str,
    exercise: Exercise,
    fixtures: Fixtures,
    session_of: Callable[[Variation], LocalSession],
) -> None:
    lost = []
    for variant in variations("variants", assignment, exercise.name):
        grade = judge_exercise(exercise, session_of(variant), fixtures)
        lost += [
            f"{variant.name} ({variant.contract}) loses {check.name}: {check.message}"
            for check in grade.checks
            if check.outcome is not Outcome.PASSED
        ]
        plt.close("all")
    assert not lost, "\n".join(lost)


def loses_points(exercise: Exercise, session: LocalSession, fixtures: Fixtures) -> bool:
    """Whether a check takes points; after the first such check no other is run."""
    lost: list[CheckResult] = []

    def watch(result: CheckResult) -> None:
        if result.outcome not in (Outcome.PASSED, Outcome.GRADER_ERROR):
            lost.append(result)

    judge_exercise(exercise, session, fixtures, only=lambda check: not lost, watch=watch)
    return bool(lost)


@each_exercise
def test_every_known_slip_costs_points(
    assignment: str,
    exercise: Exercise,
    fixtures: Fixtures,
    session_of: Callable[[Variation], LocalSession],
) -> None:
    survivors = []
    for slip in variations("slips", assignment, exercise.name):
        if not loses_points(exercise, session_of(slip), fixtures):
            survivors.append(f"{slip.name}: {slip.contract}")
        plt.close("all")
    assert not survivors, "full points against the contract:\n" + "\n".join(survivors)


@each_exercise
def test_where_there_are_variations_there_are_many(assignment: str, exercise: Exercise) -> None:
    for kind, fewest in (("variants", 5), ("slips", 15)):
        names = [variation.name for variation in variations(kind, assignment, exercise.name)]
        assert len(names) == len(set(names))
        assert not names or len(names) >= fewest, kind


def test_every_file_of_variations_is_of_an_exercise_that_exists() -> None:
    names = {exercise.name for name in ASSIGNMENTS for exercise in load_assignment(name).exercises}
    for kind in ("variants", "slips"):
        found = {file.stem for file in (SOLUTIONS / kind).glob("*.txt")}
        assert found
        assert found <= names
