"""The real assignments' solutions as standalone source: together in one script they still hold."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from autograder.authoring.assignment import Assignment
from autograder.authoring.course import assignment_names, load_assignment
from autograder.authoring.exercise import Exercise
from autograder.edition.source import script, solution_source
from autograder.records import Outcome
from autograder.verify.stage import Stage

pytestmark = pytest.mark.slow

Function = Callable[..., Any]


def reference(exercise: Exercise) -> Function:
    return exercise.solution_function


def last_wheat(exercise: Exercise) -> Function:
    return exercise.wheats[-1].function


def together(assignment: Assignment, pick: Callable[[Exercise], Function]) -> dict[str, Any]:
    """What is defined after a script with one solution of every exercise has run."""
    sources = [solution_source(one, pick(one)) for one in assignment.exercises]
    namespace: dict[str, Any] = {"__name__": "__main__"}
    exec(compile(script(sources), "<solutions>", "exec"), namespace)
    return namespace


@pytest.mark.parametrize("name", assignment_names())
@pytest.mark.parametrize("pick", [reference, last_wheat])
def test_right_solutions_in_one_script_earn_every_point(name, pick):
    assignment = load_assignment(name)
    stage = Stage(name, "sources")
    defined = together(assignment, pick)
    lost = [
        (exercise.name, check.name, check.message)
        for exercise in assignment.exercises
        for check in stage.judge(exercise, defined[exercise.name]).checks
        if check.outcome is not Outcome.PASSED
    ]
    assert lost == []
