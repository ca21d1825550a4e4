"""A part of the demo's class on a real assignment gets moelab's grades from Otter and Gradescope.

`benchmarks/otter_class.py` grades the whole of it; its short run has right answers.
"""

from __future__ import annotations

import pytest
from otter_places import ROOT, known, told

from autograder.authoring.course import load_assignment
from autograder.demo.samples import samples
from autograder.otter.engine import Order
from autograder.otter.package.contents import package

from .conftest import Graded, graded_everywhere

pytestmark = [pytest.mark.slow, pytest.mark.sandbox]

LIMITS = ("--time-limit", "20", "--memory-limit", "1GiB", "--seed", "sample")
ORDER = Order(assignment="moe_router_analysis", options=LIMITS)
SLIPS, HOSTILE = "slips_everywhere.ipynb", "forges_the_grader.ipynb"


@pytest.fixture(scope="module")
def part(tmp_path_factory) -> Graded:
    """A slip in every answer, and an attack."""
    assignment = load_assignment(ORDER.assignment)
    made = {sample.name: sample.data for sample in samples(assignment)}
    folder = tmp_path_factory.mktemp("part")
    for name in (SLIPS, HOSTILE):
        (folder / name).write_bytes(made[name])
    packed = tmp_path_factory.mktemp("real") / "autograder.zip"
    packed.write_bytes(package(assignment, ORDER))
    return graded_everywhere(
        folder, packed, ORDER, cwd=ROOT, with_otter_run=[SLIPS], with_gradescope=[HOSTILE]
    )


def test_every_check_has_the_same_verdict_and_points_everywhere(part):
    for name, grade in part.moelab.items():
        (found,) = part.told_by_otter(name)
        assert told(found) == known(grade)
        assert found["total"] == pytest.approx(grade["score"])
        assert found["possible"] == pytest.approx(grade["possible"])
    assert grade["possible"] == load_assignment(ORDER.assignment).possible


def test_slips_lose_everywhere_and_the_attack_wins_nothing(part):
    assert part.moelab[HOSTILE]["score"] == 0
    for exercise in part.moelab[SLIPS]["exercises"]:
        assert exercise["score"] < exercise["possible"], exercise["name"]
