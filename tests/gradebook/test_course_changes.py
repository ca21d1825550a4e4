"""A running course changes: names, points and checks, without grading again."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from autograder.authoring.exercise import Exercise
from autograder.gradebook import Adjustment, CourseChange, GradebookError
from autograder.records import Outcome
from autograder.report.changes import changes

LAB = "moe_router_analysis"
WRONG = (Outcome.PASSED, Outcome.FAILED)


def later() -> datetime:
    return datetime.now(UTC) + timedelta(seconds=1)


def change(kind, value="", check="hidden_check", **words) -> CourseChange:
    said = {"exercise": "route", "who": "Grace", "why": "it was unclear", "made": later(), **words}
    return CourseChange(check=check, kind=kind, value=value, **said)


@pytest.fixture
def graded(book, run, make_grade):
    """Ada has 10 of 20 points, Bob all 20."""
    number = book.start_run(replace(run, title="MoE Router Analysis"))
    book.record(number, make_grade(outcomes=WRONG))
    book.record(number, make_grade("bob"))
    return book


def scores(book) -> dict[str, tuple[float, float]]:
    return {grade.student: (grade.score, grade.possible) for grade in book.latest(LAB).grades}


def test_a_check_of_no_points_is_retired_for_all_and_the_difference_is_shown(graded):
    assert graded.change(LAB, change("points", "0")) == (2, 2)
    assert scores(graded) == {"ada": (10, 12), "bob": (12, 12)}
    found = changes(LAB, graded.graded_twice(LAB))
    assert [(one.after.student, one.difference) for one in found.moved] == [("ada", 0), ("bob", -8)]
    (check,) = found.moved[1].checks
    assert (check.name, check.in_words) == ("hidden_check", "8 → 0 points")


def test_a_void_check_counts_for_everybody_and_says_why(graded):
    assert graded.change(LAB, change("void")) == (1, 2)
    assert scores(graded) == {"ada": (18, 20), "bob": (20, 20)}
    check = graded.latest(LAB).grades[0].exercises[1].checks[1]
    assert (check.void, check.outcome) == ("it was unclear", Outcome.FAILED)


def test_a_change_can_be_taken_back(graded):
    before = scores(graded)
    graded.change(LAB, change("points", "4"))
    assert scores(graded) == {"ada": (10, 16), "bob": (16, 16)}
    graded.change(LAB, change("undo"))
    assert scores(graded) == before


def test_renaming_keeps_points_given_by_hand_and_changes_of_before(graded):
    made = datetime.now(UTC)
    by_hand = Adjustment(exercise="route", points=7, who="Grace", why="in person", made=made)
    graded.adjust(LAB, "ada", by_hand)
    graded.change(LAB, change("points", "4", made=made))
    graded.rename(LAB, {("route", ""): "choose", ("choose", "hidden_check"): "right"}, later())
    graded.rename(LAB, {("route", ""): "choose", ("choose", "hidden_check"): "right"}, later())
    ada = graded.latest(LAB).grades[0].exercises[1]
    assert (ada.name, ada.score, ada.possible) == ("choose", 6, 6), "6 is all that there is now"
    assert [(check.name, check.points) for check in ada.judged] == [
        ("public_check", 2),
        ("right", 4),
    ]
    found = changes(LAB, graded.graded_twice(LAB))
    of_bob = found.changed[1].checks
    assert [(one.exercise, one.name, one.in_words) for one in of_bob] == [
        ("choose", "right", "8 → 4 points")
    ]


def test_a_renamed_check_that_is_graded_again_is_no_change(graded, run, make_grade):
    graded.rename(LAB, {("route", ""): "choose"}, datetime.now(UTC))
    new = make_grade("bob")
    new = replace(new, exercises=(new.exercises[0], replace(new.exercises[1], name="choose")))
    graded.record(graded.start_run(run), new)
    found = changes(LAB, graded.graded_twice(LAB))
    assert (found.changed, found.compared) == ((), 1)


def test_a_name_of_before_may_be_given_to_something_new(graded, run, make_grade):
    graded.rename(LAB, {("route", ""): "choose"}, datetime.now(UTC))
    graded.record(graded.start_run(run), make_grade("eve"))
    by_student = {grade.student: grade for grade in graded.latest(LAB).grades}
    assert by_student["bob"].exercises[1].name == "choose"
    assert by_student["eve"].exercises[1].name == "route"


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (change("void", exercise="routed"), "no exercise 'routed'"),
        (change("void", check="hidden"), "has no check 'hidden'"),
        (change("points", "-1"), "0 or more"),
        (change("points", "nan"), "0 or more"),
        (change("void", why=" "), "why"),
    ],
)
def test_a_change_of_what_was_not_graded_is_refused(graded, wrong, told):
    with pytest.raises(GradebookError, match=told):
        graded.change(LAB, wrong)


def test_the_title_of_the_assignment_heads_the_reports(graded):
    run = graded.latest(LAB).run
    assert (run.assignment, run.heading) == (LAB, "MoE Router Analysis")
    assert replace(run, title="").heading == LAB


def test_two_checks_do_not_share_a_name_of_before():
    exercise = Exercise("one")

    def first(answer):
        """First."""

    def second(answer):
        """Second."""

    exercise.law(points=1, aliases=("old",))(first)
    with pytest.raises(ValueError, match="two checks are called 'old'"):
        exercise.law(points=1, aliases=("old",))(second)
