"""Check by check, `moelab grade`, Otter and Gradescope's folders give the same verdicts."""

from __future__ import annotations

import json

import pytest
from otter_places import known, told

from autograder.records import CheckResult, Outcome, Status
from autograder.report.feedback.content import student_message

from .conftest import CLASS, GRADED_THERE, TORN, WITH_GRADESCOPE

pytestmark = [pytest.mark.slow, pytest.mark.sandbox]


def test_the_class_has_every_outcome_and_every_status(graded):
    grades = graded.moelab.values()
    found = {c["outcome"] for grade in grades for e in grade["exercises"] for c in e["checks"]}
    assert found == {outcome.value for outcome in Outcome}
    of_files = {status.value for status in Status if status is not Status.ABSENT}
    assert {grade["status"] for grade in grades} == of_files
    assert graded.moelab.keys() == CLASS.keys()


def test_every_outcome_is_told_by_otter(graded):
    grades = [graded.moelab[name] for name in GRADED_THERE]
    found = {c["outcome"] for grade in grades for e in grade["exercises"] for c in e["checks"]}
    assert found == {outcome.value for outcome in Outcome}


@pytest.mark.parametrize("name", GRADED_THERE)
def test_every_check_has_the_same_verdict_and_points_everywhere(graded, name):
    grade = graded.moelab[name]
    everywhere = graded.told_by_otter(name)
    assert everywhere
    for results in everywhere:
        assert told(results) == known(grade)
        assert (results["total"], results["possible"]) == (grade["score"], grade["possible"])
        for exercise in grade["exercises"]:
            assert results["questions"][exercise["name"]]["score"] == exercise["score"]


def test_what_otter_cannot_read_ends_without_results(graded):
    assert graded.moelab[TORN]["status"] == "unreadable"
    assert graded.otter[TORN].status != 0
    assert "RESULTS" not in graded.otter[TORN].out
    assert "does not appear to be JSON" in graded.otter[TORN].err


def test_a_torn_notebook_gets_no_points_on_gradescope_and_says_why(graded):
    details = graded.gradescope[TORN].details
    assert (details["total"], details["possible"]) == (0, 10)
    assert "the notebook ends in the middle" in details["output"]
    assert details["details"]["extra_data"]["status"] == "unreadable"


@pytest.mark.parametrize("name", [name for name in GRADED_THERE if name != TORN])
def test_each_check_says_what_moelab_says(graded, name):
    for results in graded.told_by_otter(name):
        said = [c[4] for found in results["questions"].values() for c in found["checks"]]
        exercises = graded.moelab[name]["exercises"]
        checks = [(e["name"], c) for e in exercises for c in e["checks"]]
        for line, (exercise, check) in zip(said, checks, strict=True):
            if check["outcome"] == "passed":
                assert line == "✅ Test case passed"
            elif check["outcome"] == "grader_error":
                assert line.startswith("✅ Test case passed\nThis check could not be judged")
            else:
                word = "" if check["outcome"] == "failed" else f"{check['outcome']}: "
                assert line.startswith(f"❌ Test case failed\n{word}")
                result = CheckResult(
                    **{name: check[name] for name in ("name", "title", "hidden", "points")},
                    outcome=Outcome(check["outcome"]),
                    message=check["message"],
                )
                assert (student_message(exercise, result) or check["title"]) in line
                assert check["hidden"] or check["message"] in line


@pytest.mark.parametrize("name", WITH_GRADESCOPE)
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
    assert "cell 1 was left out" in graded.gradescope["poisons.ipynb"].results["output"]
    assert "Your instructor will look" in graded.gradescope["right.ipynb"].results["output"]


def test_hostile_submissions_earn_what_their_answers_are_worth(graded):
    scores = {name: graded.moelab[name]["score"] for name in CLASS}
    assert scores["right.ipynb"] == scores["spawns.ipynb"] == 10
    assert scores["snoops.ipynb"] == scores["poisons.ipynb"] == scores["raises.py"] == 0
    assert scores["forges.ipynb"] == 5, "0 is additive, and the broken check costs nobody anything"


def test_what_a_submission_looks_for_beside_the_grader_is_not_there(graded):
    for results in (
        graded.otter["snoops.ipynb"].results,
        graded.gradescope["snoops.ipynb"].details,
    ):
        said = [check[4] for check in results["questions"]["double"]["checks"]]
        assert all("LookupError" in line or "skipped" in line for line in said)
        assert any("nothing to read" in line for line in said), "a public check says it whole"
        assert "answer(0.0)" not in json.dumps(results)


def test_poisonous_text_is_cut_and_clean_wherever_it_is_shown(graded):
    place = graded.gradescope["poisons.ipynb"]
    said = [test["output"] for test in place.results["tests"]]
    said += [check[4] for check in place.details["questions"]["double"]["checks"]]
    assert any("</script><b>|" in text for text in said), "Gradescope escapes it"
    for text in said:
        assert len(text) < 10_000
        assert not {"\ud800", "\x1b", "\u202e"} & set(text)


def test_the_submission_is_back_in_its_folder_afterwards(graded, submissions):
    for name, place in graded.gradescope.items():
        (left,) = (place.root / "submission").iterdir()
        assert left.name == name
        assert left.read_bytes() == (submissions / name).read_bytes()
        assert not list(place.root.glob("moelab-*"))
