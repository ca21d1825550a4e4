"""A course without models is graded by moelab, by Otter and on Gradescope alike."""

from __future__ import annotations

import pytest
from otter_places import ROOT, known, told

from autograder.authoring.course import load_assignment
from autograder.edition.notebook import solved_notebook
from autograder.edition.source import solution_source
from autograder.otter.engine import Order
from autograder.otter.package.contents import package

from .conftest import Graded, graded_everywhere

pytestmark = [pytest.mark.sandbox, pytest.mark.slow]

FOLDER = ROOT / "examples" / "attention_masks"
COURSE = str(FOLDER / "attention_masks")
LIMITS = ("--time-limit", "20", "--memory-limit", "1GiB", "--seed", "masks")
FILE = "ada.ipynb"


@pytest.fixture(scope="module")
def everywhere(tmp_path_factory) -> Graded:
    """A notebook with a slip in its first exercise and in its plot."""
    lab = load_assignment("masks", COURSE)
    slips = {
        name: solution_source(lab.exercise(name), lab.exercise(name).chaffs[0].function)
        for name in ("causal_mask", "plot_mask")
    }
    folder = tmp_path_factory.mktemp("class")
    (folder / FILE).write_text(solved_notebook(lab, slips), encoding="utf-8")
    order = Order(assignment="masks", course=COURSE, options=LIMITS)
    packed = tmp_path_factory.mktemp("masks") / "autograder.zip"
    packed.write_bytes(package(lab, order))
    return graded_everywhere(folder, packed, order, cwd=FOLDER)


def test_moelab_finds_the_slips_and_nothing_else(everywhere):
    grade = everywhere.moelab[FILE]
    lost = {
        exercise["name"]: {c["name"] for c in exercise["checks"] if c["outcome"] != "passed"}
        for exercise in grade["exercises"]
    }
    assert lost == {
        "causal_mask": {"looks_back", "random_windows"},
        "padding_mask": set(),
        "plot_mask": {"small_mask", "random_mask"},
    }


def test_otter_run_says_the_same(everywhere):
    results = everywhere.otter[FILE].results
    assert told(results) == known(everywhere.moelab[FILE])
    assert results["total"] == pytest.approx(everywhere.moelab[FILE]["score"])


def test_gradescopes_layout_says_the_same(everywhere):
    questions = {
        test["name"]: (test["score"], test["max_score"])
        for test in everywhere.gradescope[FILE].results["tests"]
        if "score" in test
    }
    exercises = everywhere.moelab[FILE]["exercises"]
    assert questions == {one["name"]: (one["score"], one["possible"]) for one in exercises}
