"""Points that a person sets: added to what was graded, never in its place."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from autograder.gradebook import Adjustment, GradebookError
from autograder.records import Outcome, Status

LAB = "moe_router_analysis"
WRONG = (Outcome.PASSED, Outcome.FAILED)


def decision(points: float | None, exercise: str = "route", **changed: str) -> Adjustment:
    made = datetime(2026, 11, 26, 12, tzinfo=UTC)
    words = {"who": "Grace", "why": "explained it in person", **changed}
    return Adjustment(exercise=exercise, points=points, made=made, **words)


@pytest.fixture
def graded(book, run, make_grade):
    """A gradebook in which ada has 10 of 20 points: all of the first exercise, none of `route`."""
    book.record(book.start_run(run), make_grade(outcomes=WRONG))
    return book


def test_points_set_by_hand_are_an_entry_beside_the_checks(graded, make_grade):
    before, after = graded.adjust(LAB, "ada", decision(7))
    assert before == make_grade(outcomes=WRONG)
    assert (after.score, after.possible) == (17, 20)
    route = after.exercises[1]
    assert (route.score, route.possible) == (7, 10)
    assert route.judged == before.exercises[1].checks
    assert route.adjustment.name == "manual_adjustment"
    assert route.adjustment.message == "explained it in person (Grace, 2026-11-26)"
    assert graded.latest(LAB).grades == (after,)


def test_points_can_be_taken_and_the_sums_still_hold(graded):
    _, after = graded.adjust(LAB, "ada", decision(2.5, "find_router_layers"))
    exercise = after.exercises[0]
    assert exercise.score == 2.5 == sum(check.score for check in exercise.checks)
    assert exercise.possible == 10 == sum(check.points for check in exercise.checks)


def test_the_score_never_exceeds_what_is_possible_by_a_rounding(book, run, make_grade):
    grade = make_grade(outcomes=WRONG)
    weights = (0.1, 0.2, 0.7)
    check = grade.exercises[1].checks[0]
    checks = tuple(
        replace(check, name=f"check_{place}", points=points, outcome=outcome)
        for place, (points, outcome) in enumerate(zip(weights, Outcome, strict=False))
    )
    odd = replace(grade, exercises=(replace(grade.exercises[1], checks=checks),))
    book.record(book.start_run(run), odd)
    _, after = book.adjust(LAB, "ada", decision(odd.possible))
    assert after.score <= after.possible
    assert after.score == pytest.approx(after.possible)


def test_every_decision_is_a_row_and_the_newest_counts(graded):
    for points in (3, 7):
        _, after = graded.adjust(LAB, "ada", decision(points))
        assert after.exercises[1].score == points
    _, undone = graded.adjust(LAB, "ada", decision(None))
    assert undone.exercises[1].score == 0
    assert undone.exercises[1].adjustment is None
    with graded._engine.connect() as connection:
        rows = connection.exec_driver_sql("SELECT points, who, why FROM adjustments ORDER BY id")
        assert [tuple(row) for row in rows] == [
            (points, "Grace", "explained it in person") for points in (3, 7, None)
        ]


def test_points_set_by_hand_outlast_a_regrade(graded, run, make_grade):
    graded.adjust(LAB, "ada", decision(7))
    graded.record(graded.start_run(run, regrade=True), make_grade(outcomes=(Outcome.ERROR,) * 2))
    (grade,) = graded.latest(LAB).grades
    assert [exercise.score for exercise in grade.exercises] == [0, 7]


def test_another_file_of_the_student_does_not_inherit_them_and_says_so(graded, run, make_grade):
    graded.adjust(LAB, "ada", decision(7))
    graded.record(graded.start_run(run), make_grade(digest="sha256:2", outcomes=WRONG))
    (grade,) = graded.latest(LAB).grades
    assert grade.score == 10
    assert grade.notes == ("points set by hand for route were for another version of this file",)


def test_a_person_who_decided_has_looked(book, run, make_grade):
    grade = make_grade(outcomes=(Outcome.PASSED, Outcome.GRADER_ERROR))
    book.record(book.start_run(run), grade)
    assert book.held(LAB, run.course_revision) == {}
    before, after = book.adjust(LAB, "ada", decision(5))
    assert (before.status, after.status) == (Status.NEEDS_REVIEW, Status.GRADED)
    assert after.score == 15
    assert len(book.held(LAB, run.course_revision)) == 1


@pytest.mark.parametrize(
    ("student", "wanted", "said"),
    [
        ("adda", decision(1), "nobody called 'adda' has a grade that counts. Did you mean 'ada'"),
        ("ada", decision(1, "rout"), "no exercise 'rout' in this assignment. Did you mean 'route'"),
        ("ada", decision(11), "route is worth 10 points: give 0 to 10"),
        ("ada", decision(-1), "give 0 to 10"),
        ("ada", decision(float("nan")), "give 0 to 10"),
        ("ada", decision(1, why=" "), "say who sets the points, and why"),
    ],
)
def test_what_does_not_fit_is_refused_in_a_sentence(graded, student, wanted, said):
    with pytest.raises(GradebookError) as raised:
        graded.adjust(LAB, student, wanted)
    assert said in str(raised.value)
    assert graded.latest(LAB).grades[0].score == 10


def test_the_submission_that_counts_is_adjusted(book, run, make_grade):
    number = book.start_run(run)
    old = replace(make_grade(submission="1.ipynb"), replaced_by="2.ipynb")
    book.record(number, old)
    book.record(number, make_grade(submission="2.ipynb", digest="sha256:2", outcomes=WRONG))
    before, _ = book.adjust(LAB, "ada", decision(7))
    assert before.submission == "2.ipynb"


def test_a_submission_can_be_named_where_a_student_has_several(book, run, make_grade):
    number = book.start_run(run)
    for name in ("1.ipynb", "2.ipynb"):
        book.record(number, make_grade(submission=name, outcomes=WRONG))
    with pytest.raises(GradebookError, match=r"name one of 1\.ipynb, 2\.ipynb"):
        book.adjust(LAB, "ada", decision(7))
    _, after = book.adjust(LAB, "2.ipynb", decision(7))
    assert (after.submission, after.score) == ("2.ipynb", 17)
