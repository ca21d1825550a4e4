"""Wrong functions that once kept full marks, each beside a complete right solution.

Each file overrides one function of the solution in `base/`; its second line says what is wrong with
it. It must lose points in that exercise, and the solution itself none, whatever the seed.
"""

from __future__ import annotations

import re
import sys
from functools import cache
from pathlib import Path
from types import ModuleType

import pytest

from autograder.authoring.assignment import Assignment
from autograder.grading.course import load_assignment
from autograder.grading.judge import judge_exercise
from autograder.grading.local import LocalSession
from autograder.grading.material import Material
from autograder.records import ExerciseGrade, Outcome

HERE = Path(__file__).parent
ASSIGNMENTS = ("moe_router_analysis", "moe_routing_in_practice")
SEEDS = ("one", "two", "three", "four", "five")
HOLES = sorted(path.stem for path in HERE.glob("*__*.py"))

pytestmark = pytest.mark.filterwarnings("ignore")  # those of students' code


@cache
def _course(assignment: str, seed: str) -> tuple[Assignment, Material]:
    return load_assignment(assignment), Material(assignment, seed)


def _functions(*sources: str) -> dict[str, object]:
    module = sys.modules["submission"] = ModuleType("submission")
    for source in sources:
        exec(compile(source, "submission.py", "exec"), module.__dict__)
    return module.__dict__


def _base(assignment: str) -> str:
    return (HERE / "base" / f"solution_A_{assignment}.py").read_text(encoding="utf-8")


def _graded(name: str, functions: dict[str, object], assignment: str, seed: str) -> ExerciseGrade:
    lab, material = _course(assignment, seed)
    session = LocalSession({name: functions[name]}, material.bench)
    return judge_exercise(lab.exercise(name), session, material)


@pytest.mark.parametrize("hole", HOLES)
def test_a_wrong_function_loses_points_on_every_seed(hole: str) -> None:
    assignment = hole.partition("__")[0]
    source = (HERE / f"{hole}.py").read_text(encoding="utf-8")
    said = re.match(r"# WRONG: (\w+): ", source.splitlines()[1])
    assert said is not None
    functions = _functions(_base(assignment), source)
    for seed in SEEDS:
        grade = _graded(said[1], functions, assignment, seed)
        assert grade.score < grade.possible, seed
        assert all(check.outcome is not Outcome.GRADER_ERROR for check in grade.checks)


@pytest.mark.parametrize("assignment", ASSIGNMENTS)
def test_the_right_solution_beside_them_keeps_every_point(assignment: str) -> None:
    functions = _functions(_base(assignment))
    for seed in SEEDS[:2]:
        for exercise in load_assignment(assignment).exercises:
            grade = _graded(exercise.name, functions, assignment, seed)
            lost = [f"{c.name}: {c.message}" for c in grade.checks if c.score < c.points]
            assert not lost
