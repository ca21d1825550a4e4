"""The repository's own chaffs in another style: five in six are named rightly, none wrongly.

`python benchmarks/misconceptions.py --slips` tries all of them; here are those that are quick to
try, and some of each other exercise.
"""

from __future__ import annotations

from itertools import groupby
from typing import Any

import matplotlib.pyplot as plt
import pytest
import rewritten

from autograder.authoring.course import load_assignment
from autograder.grading.fixtures import Fixtures
from autograder.grading.judge import judge_exercise
from autograder.grading.misconceptions.naming import Misconceptions
from autograder.grading.sessions import LimitedSession, LocalSession

ASSIGNMENTS = ("moe_router_analysis", "moe_routing_in_practice")
SLOW = {
    "find_router_layers": 1,
    "extract_router_weights": 1,
    "plot_router_weights": 1,
    "analyze_load_distribution": 1,
    "plot_load_distribution": 1,
    "plot_loss_scenarios": 1,
    "simulate_topk_routing": 2,
    "plot_topk_routing": 1,
    "loss_with_load_balancing": 1,
    "monitor_expert_usage": 1,
}


pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]  # those of students' code


@pytest.mark.parametrize("assignment", ASSIGNMENTS)
def test_five_in_six_are_named_and_none_wrongly(assignment: str) -> None:
    lab = load_assignment(assignment)
    fixtures = Fixtures(assignment, "a seed for misconceptions")
    misconceptions = Misconceptions(fixtures)
    functions: dict[str, Any] = {}
    session = LimitedSession(LocalSession(functions, fixtures.bench))  # makes its models once
    named, unnamed, wrongly = [], [], []
    for name, group in groupby(rewritten.rewritten(assignment), key=lambda wrong: wrong.exercise):
        exercise = lab.exercise(name)
        hints = {chaff.name: " ".join(chaff.hint.split()) for chaff in exercise.chaffs}
        for wrong in list(group)[: SLOW.get(name)]:
            functions.clear()
            functions[name] = wrong.function()
            grade = judge_exercise(exercise, session, fixtures)
            (grade,) = misconceptions.explain([exercise], [grade], session)
            found = {(c.misconception, c.hint) for c in grade.checks if c.misconception}
            told = named if found == {(wrong.chaff, hints[wrong.chaff])} else unnamed
            (wrongly if found and told is unnamed else told).append(f"{name}: {wrong.name}")
            plt.close("all")
    assert not wrongly
    assert len(named) >= 5 * len(unnamed), unnamed


@pytest.mark.parametrize("assignment", ASSIGNMENTS)
def test_every_rewriting_is_of_a_chaff_that_exists(assignment: str) -> None:
    known = [(wrong.exercise, wrong.chaff) for wrong in rewritten.rewritten(assignment)]
    exercises = load_assignment(assignment).exercises
    own = {(exercise.name, chaff.name) for exercise in exercises for chaff in exercise.chaffs}
    assert known
    assert set(known) <= own
