"""Points for students who handed in nothing: kept like all decisions, gone when a file comes."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from autograder.gradebook import Adjustment, Gradebook, GradebookError
from autograder.records import Status, absent

LAB = "moe_router_analysis"
KEYS = ("canvas 125", "called ngzoe", "email zoe@example.org")


def decision(points: float | None, why: str = "oral exam") -> Adjustment:
    made = datetime(2026, 11, 26, 12, tzinfo=UTC)
    return Adjustment(exercise="route", points=points, who="Grace", why=why, made=made)


@pytest.fixture
def zoe(make_grade):
    return absent("Ng, Zoë", [make_grade()], KEYS)


@pytest.fixture
def graded(book, run, make_grade) -> Gradebook:
    book.record(book.start_run(run), make_grade())
    return book


@pytest.mark.slow
def test_who_handed_in_nothing_can_be_given_points(graded, zoe):
    before, after = graded.adjust(LAB, "Ng, Zoë", decision(7), zoe)
    assert (before.score, after.score, after.possible) == (0, 7, 20)
    assert after.exercises[1].adjustment.message == "oral exam (Grace, 2026-11-26)"
    ada, found = graded.latest(LAB).grades
    assert found == after
    assert (found.submission, found.status, found.notes) == (
        "",
        Status.ABSENT,
        ("no submission",),
    )
    assert found.identity == tuple(sorted(KEYS))
    assert graded.latest(LAB, [ada.submission]).grades == (ada,)
    assert graded.with_absent(graded.latest(LAB, [ada.submission])).grades == (ada, after)


def test_the_newest_decision_counts_and_all_are_kept(graded, zoe):
    graded.adjust(LAB, "Ng, Zoë", decision(7), zoe)
    _, after = graded.adjust(LAB, "Ng, Zoë", decision(3, "misheard"))
    assert after.score == 3
    _, undone = graded.adjust(LAB, "Ng, Zoë", decision(None, "was somebody else"))
    assert undone.score == 0
    assert len(graded.latest(LAB).grades) == 1
    with graded._engine.connect() as connection:
        rows = connection.exec_driver_sql("SELECT points, who, why FROM absences ORDER BY id")
        assert [tuple(row) for row in rows] == [
            (7, "Grace", "oral exam"),
            (3, "Grace", "misheard"),
            (None, "Grace", "was somebody else"),
        ]


@pytest.mark.parametrize(
    ("student", "identity"),
    [("ngzoe", ()), ("Zoë", ("canvas 125",)), ("a group", ("name Ng, Zoe", "name Bob"))],
)
def test_a_file_that_is_handed_in_later_counts_and_says_so(
    graded, zoe, run, make_grade, student, identity
):
    graded.adjust(LAB, "Ng, Zoë", decision(7), zoe)
    late = replace(make_grade(student), identity=identity)
    graded.record(graded.start_run(run), late)
    grades = {grade.student: grade for grade in graded.latest(LAB).grades}
    assert set(grades) == {"ada", student}
    assert grades[student].score == late.score
    note = "points set by hand for route were given before this file was handed in"
    assert grades[student].notes == (note,)


def test_a_name_that_is_nowhere_says_how_to_name_those_who_handed_in_nothing(graded):
    with pytest.raises(GradebookError, match="--roster FILE says who handed in nothing"):
        graded.adjust(LAB, "Ng, Zoë", decision(7))


def test_points_beyond_what_an_exercise_is_worth_are_refused(graded, zoe):
    with pytest.raises(GradebookError, match="route is worth 10 points"):
        graded.adjust(LAB, "Ng, Zoë", decision(11), zoe)
    assert len(graded.latest(LAB).grades) == 1
