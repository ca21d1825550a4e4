"""What grading again has changed: whose grade, by how much, because of which check."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace

import pytest
from rich.cells import cell_len
from rich.console import Console

from autograder.records import Outcome
from autograder.report.changes import changes, changes_file, changes_table
from autograder.report.changes_terminal import changes_summary

PASSED, FAILED = Outcome.PASSED, Outcome.FAILED


@pytest.fixture
def found(run, make_grade):
    """Three students: one whose second exercise passes now, one with a new check, one as before."""
    later = replace(run, course_revision="rev-2")
    ada = make_grade("ada", outcomes=(PASSED, FAILED)), make_grade("ada")
    exercise = make_grade("bob").exercises[0]
    new = replace(exercise.checks[0], name="new_check", points=1.0, outcome=FAILED)
    more = replace(exercise, checks=(*exercise.checks, new))
    bob = make_grade("bob"), replace(make_grade("bob"), exercises=(more,))
    zoe = make_grade("zoe"), make_grade("zoe", message="other words")
    pairs = [((run, before), (later, after)) for before, after in (zoe, bob, ada)]
    return changes(run.assignment, pairs)


def printed(found) -> str:
    console = Console(file=io.StringIO(), width=80, color_system=None)
    console.print(changes_summary(found))
    return console.file.getvalue()


def test_grades_that_changed_are_named_with_their_checks(found):
    assert [change.after.student for change in found.changed] == ["ada", "bob"]
    ada, bob = found.changed
    assert ada.difference == 10
    assert [(check.name, check.in_words, check.difference) for check in ada.checks] == [
        ("public_check", "failed → passed", 2),
        ("hidden_check", "failed → passed", 8),
    ]
    assert ("new_check", "new: failed") in [(check.name, check.in_words) for check in bob.checks]
    assert ("public_check", "gone: passed") in [(c.name, c.in_words) for c in bob.checks]


def test_a_check_of_another_weight_is_a_change(run, make_grade):
    grade = make_grade()
    first, *rest = grade.exercises[0].checks
    heavier = replace(grade.exercises[0], checks=(replace(first, points=3.0), *rest))
    after = replace(grade, exercises=(heavier, grade.exercises[1]))
    (change,) = changes("lab", [((run, grade), (run, after))]).changed
    assert [check.in_words for check in change.checks] == ["2 → 3 points"]


def test_the_terminal_tells_why_and_whose(found):
    text = printed(found)
    assert "2 of 3 grades changed" in text
    assert "failed → passed" in text
    assert "10 / 20" in text
    assert "+10" in text
    assert "zoe" not in text
    assert max(map(cell_len, text.splitlines())) <= 80


def test_nothing_to_compare_says_what_to_do(run):
    assert "moelab grade --regrade" in " ".join(printed(changes("lab", [])).split())


def test_no_change_is_said_too(run, make_grade):
    same = changes("lab", [((run, make_grade()), (run, make_grade()))])
    assert "0 of 1 grade changed" in printed(same)


def test_a_large_class_is_cut_on_the_terminal_and_whole_in_files(run, make_grade):
    pairs = [
        ((run, make_grade(f"s{n:03}", outcomes=(PASSED, FAILED))), (run, make_grade(f"s{n:03}")))
        for n in range(300)
    ]
    found = changes("lab", pairs)
    text = printed(found)
    assert len(text.splitlines()) < 60
    assert "… and 260 more" in text
    assert len(json.loads(changes_file(found))["changes"]) == 300


def test_the_files_hold_both_sides(found):
    (ada, _) = json.loads(changes_file(found))["changes"]
    assert (ada["before"]["score"], ada["after"]["score"], ada["difference"]) == (10, 20, 10)
    assert ada["after"]["course_revision"] == "rev-2"
    assert ada["checks"][0]["before"] == {"outcome": "failed", "points": 2.0, "score": 0.0}
    rows = list(csv.DictReader(io.StringIO(changes_table(found), newline="")))
    assert rows[0]["student"] == "ada"
    assert (rows[0]["before"], rows[0]["after"]) == ("failed", "passed")


def test_hostile_names_are_harmless(run, hostile_class):
    pairs = [((run, replace(grade, exercises=())), (run, grade)) for grade in hostile_class.grades]
    found = changes("lab", pairs)
    assert "\x1b" not in printed(found)
    for row in csv.reader(io.StringIO(changes_table(found), newline="")):
        assert not row[0].startswith(("=", "+", "-", "@"))
    json.loads(changes_file(found))
