"""Right ways that look different earn everything; each known slip costs points in its exercise."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import matplotlib.pyplot as plt
import pytest

from autograder.authoring.exercise import Exercise
from autograder.grading.course import load_assignment
from autograder.grading.judge import judge, judge_exercise
from autograder.grading.local import LocalSession
from autograder.grading.material import Material
from autograder.records import Outcome

ASSIGNMENT = "moe_router_analysis"
EXERCISES = load_assignment(ASSIGNMENT).exercises

pytestmark = pytest.mark.filterwarnings("ignore")  # those of students' code

Variations = Callable[[str, str], list[Any]]
each_exercise = pytest.mark.parametrize("exercise", EXERCISES, ids=lambda exercise: exercise.name)


@pytest.fixture(scope="module")
def material() -> Material:
    return Material(ASSIGNMENT, "a seed for variations")


@pytest.fixture(autouse=True)
def own_figures() -> Iterator[None]:
    """Styles and figures of pyplot go with the test."""
    with plt.rc_context({"figure.max_open_warning": 0}):
        yield
    plt.close("all")


@each_exercise
def test_every_right_variant_earns_everything(
    exercise: Exercise, material: Material, variations: Variations
) -> None:
    lost = []
    for variant in variations("variants", exercise.name):
        session = LocalSession({exercise.name: variant.function()}, material.bench)
        grade = judge_exercise(exercise, session, material)
        lost += [
            f"{variant.name} ({variant.contract}) loses {check.name}: {check.message}"
            for check in grade.checks
            if check.outcome is not Outcome.PASSED
        ]
        plt.close("all")
    assert not lost, "\n".join(lost)


@each_exercise
def test_every_known_slip_costs_points(
    exercise: Exercise, material: Material, variations: Variations
) -> None:
    survivors = []
    for slip in variations("slips", exercise.name):
        session = LocalSession({exercise.name: slip.function()}, material.bench)
        outcomes = (judge(exercise, check, session, material).outcome for check in exercise.checks)
        if all(outcome in (Outcome.PASSED, Outcome.GRADER_ERROR) for outcome in outcomes):
            survivors.append(f"{slip.name}: {slip.contract}")
        plt.close("all")
    assert not survivors, "full points against the contract:\n" + "\n".join(survivors)


@each_exercise
def test_there_are_many_variations(exercise: Exercise, variations: Variations) -> None:
    for kind, fewest in (("variants", 5), ("slips", 15)):
        names = [variation.name for variation in variations(kind, exercise.name)]
        assert len(names) == len(set(names)) >= fewest, kind
