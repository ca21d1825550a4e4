"""Check by check, `moelab grade`, Otter and Gradescope's folders give the same verdicts."""

from __future__ import annotations

import pytest

from .conftest import CLASS

pytestmark = pytest.mark.sandbox

PASSING = ("passed", "grader_error")


def told(results: dict) -> list:
    """What Otter says of every check: question, title, hidden, points, whether it passed."""
    return [
        (question, title, hidden, points, passed)
        for question, found in results["questions"].items()
        for title, hidden, points, passed, _ in found["checks"]
    ]


def known(grade: dict) -> list:
    """The same from the grade file."""
    return [
        (exercise["name"], c["title"], c["hidden"], c["points"], c["outcome"] in PASSING)
        for exercise in grade["exercises"]
        for c in exercise["checks"]
    ]


def test_the_class_has_every_outcome(graded):
    found = {
        check["outcome"]
        for grade in graded.moelab.values()
        for exercise in grade["exercises"]
        for check in exercise["checks"]
    }
    wanted = {"passed", "failed", "error", "timeout", "memory", "died", "missing", "skipped"}
    assert found == wanted | {"grader_error"}


@pytest.mark.parametrize("name", CLASS)
def test_every_check_has_the_same_verdict_and_points_everywhere(graded, name):
    grade, otter = graded.moelab[name], graded.otter[name]
    scope = graded.gradescope[name].details
    assert told(otter) == told(scope) == known(grade)
    for results in (otter, scope):
        assert (results["total"], results["possible"]) == (grade["score"], grade["possible"])
        for exercise in grade["exercises"]:
            assert results["questions"][exercise["name"]]["score"] == exercise["score"]


@pytest.mark.parametrize("name", CLASS)
def test_each_check_says_what_moelab_says(graded, name):
    for results in (graded.otter[name], graded.gradescope[name].details):
        said = [c[4] for found in results["questions"].values() for c in found["checks"]]
        checks = [c for e in graded.moelab[name]["exercises"] for c in e["checks"]]
        for line, check in zip(said, checks, strict=True):
            if check["outcome"] == "passed":
                assert line == "✅ Test case passed"
            elif check["outcome"] == "grader_error":
                assert line.startswith("✅ Test case passed\nThis check could not be judged")
            else:
                assert line.startswith("❌ Test case failed\n")
                assert check["message"] in line


@pytest.mark.parametrize("name", CLASS)
def test_gradescope_gets_points_per_question_and_nothing_hidden_is_visible(graded, name):
    grade, results = graded.moelab[name], graded.gradescope[name].results
    by_name = {test["name"]: test for test in results["tests"]}
    for exercise in grade["exercises"]:
        assert by_name[exercise["name"]]["score"] == pytest.approx(exercise["score"])
        assert by_name[exercise["name"]]["max_score"] == pytest.approx(exercise["possible"])
    assert "score" not in results, "Gradescope adds the questions up"
    visible = [test for test in results["tests"] if test["visibility"] == "visible"]
    hidden = [c["title"] for e in grade["exercises"] for c in e["checks"] if c["hidden"]]
    assert hidden
    for title in hidden:
        assert all(title not in test["output"] for test in visible)
        assert title not in results.get("output", "")


def test_a_container_without_namespaces_grades_at_landlock(graded):
    for place in graded.gradescope.values():
        assert place.details["details"]["extra_data"]["isolation"] == "landlock"


def test_students_hear_what_happened_to_the_whole_submission(graded):
    assert "cell 1 was left out" in graded.gradescope["endless.ipynb"].results["output"]
    assert "Your instructor will look" in graded.gradescope["right.ipynb"].results["output"]


def test_the_submission_is_back_in_its_folder_afterwards(graded, submissions):
    for name, place in graded.gradescope.items():
        (left,) = (place.root / "submission").iterdir()
        assert left.name == name
        assert left.read_bytes() == (submissions / name).read_bytes()
        assert not list(place.root.glob("moelab-*"))
