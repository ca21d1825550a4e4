"""Going through answers: each click is a row, and two people at once lose nothing."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import func, select

from autograder.gradebook import GradebookError, schema
from autograder.gradebook.desk import ChangedMeanwhileError, Desk
from autograder.records import Outcome, Status

HALF = (Outcome.PASSED, Outcome.FAILED)


@pytest.fixture
def desks(book, run, make_grade):
    """Two people at the answers of two students."""
    number = book.start_run(run)
    for name in ("ada", "bob"):
        book.record(number, make_grade(name, outcomes=HALF))
    ada, bob = (Desk(book, run.assignment, who) for who in ("Ms Berg", "Mr Chen"))
    ada.add_item("route", "shows the idea", 3)
    ada.add_item("route", "no reason given", -1)
    return ada, bob


def answer_of(desk: Desk, student: str, exercise: str = "route"):
    return next(one for one in desk.exercises()[exercise] if one.student == student)


def rows_of(book, table) -> int:
    with book.transaction(writing=False) as connection:
        return connection.scalar(select(func.count()).select_from(table))


def test_chosen_items_make_the_points_and_say_so_and_a_second_click_takes_them_back(book, desks):
    desk, other = desks
    attempt = answer_of(desk, "ada").attempt
    desk.choose(attempt, "route", "shows the idea", chosen=True)
    other.choose(attempt, "route", "no reason given", chosen=True)
    other.choose(attempt, "route", "no reason given", chosen=True)
    (ada, _) = book.latest(desk.assignment).grades
    assert ada.exercises[1].score == 2.0
    reason = ada.exercises[1].adjustment.message
    assert reason.startswith("shows the idea (+3); no reason given (-1) (Mr Chen")
    assert rows_of(book, schema.rubric_marks) == rows_of(book, schema.adjustments) == 2
    for item in ("shows the idea", "no reason given"):
        desk.choose(attempt, "route", item, chosen=False)
    assert book.latest(desk.assignment).grades[0].exercises[1].adjustment is None
    assert rows_of(book, schema.rubric_marks) == 4, "nothing is overwritten"


def test_points_of_items_stay_between_nothing_and_what_is_possible(desks):
    desk, _ = desks
    attempt = answer_of(desk, "ada").attempt
    desk.choose(attempt, "route", "no reason given", chosen=True)
    assert answer_of(desk, "ada").exercise.score == 0.0
    desk.add_item("route", "excellent", 50)
    desk.choose(attempt, "route", "excellent", chosen=True)
    assert answer_of(desk, "ada").exercise.score == 10.0
    with pytest.raises(GradebookError, match="has no item"):
        desk.choose(attempt, "route", "unknown", chosen=True)


def test_whoever_decides_on_what_has_changed_meanwhile_is_told_and_changes_nothing(desks):
    desk, other = desks
    seen = answer_of(desk, "ada")
    other.set_points(seen.attempt, "route", 7, "explained it", seen.version)
    with pytest.raises(ChangedMeanwhileError):
        desk.set_points(seen.attempt, "route", 3, "I think not", seen.version)
    with pytest.raises(ChangedMeanwhileError):
        desk.comment(seen.attempt, "route", "Well done", seen.version)
    assert answer_of(desk, "ada").exercise.score == 7
    desk.look(seen.attempt, "route", looked=True)
    assert answer_of(other, "ada").said.looked_by == "Ms Berg"
    assert answer_of(other, "ada").version == seen.version + 1, "looking decides nothing"


def test_many_clicks_of_two_people_at_once_are_all_kept(book, desks):
    first = answer_of(desks[0], "ada").attempt
    for n in range(6):
        desks[0].add_item("route", f"item {n}", 1)

    def click(n: int) -> None:
        desks[n % 2].choose(first, "route", f"item {n}", chosen=True)

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(click, range(6)))
    answer = answer_of(desks[0], "ada")
    assert len(answer.said.marks) == 6
    assert answer.exercise.score == 6.0


def test_a_comment_stays_with_the_file_that_it_is_about(book, desks, run, make_grade):
    desk, _ = desks
    desk.comment(answer_of(desk, "ada").attempt, "route", "Look at the axis.")
    book.record(book.start_run(run), make_grade("ada", outcomes=HALF))
    assert answer_of(desk, "ada").exercise.comment == "Look at the axis."
    book.record(book.start_run(run), make_grade("ada", outcomes=HALF, digest="sha256:2"))
    assert answer_of(desk, "ada").exercise.comment == ""


def test_a_void_check_costs_nobody_anything_until_it_counts_again(book, desks):
    desk, _ = desks
    desk.void("route", "hidden_check", "the text was unclear", void=True)
    for grade in book.latest(desk.assignment).grades:
        assert grade.exercises[1].score == 8.0
        assert grade.exercises[1].checks[1].void == "the text was unclear"
        assert grade.exercises[1].checks[1].outcome is Outcome.FAILED
    desk.void("route", "hidden_check", "it was clear", void=False)
    assert book.latest(desk.assignment).grades[0].exercises[1].score == 0.0
    assert rows_of(book, schema.course_changes) == 2


def test_a_void_check_leaves_nothing_open(book, run, make_grade):
    book.record(book.start_run(run), make_grade(outcomes=(Outcome.PASSED, Outcome.GRADER_ERROR)))
    assert book.latest(run.assignment).grades[0].status is Status.NEEDS_REVIEW
    desk = Desk(book, run.assignment, "Ms Berg")
    for name in ("public_check", "hidden_check"):
        desk.void("route", name, "it broke", void=True)
    assert book.latest(run.assignment).grades[0].status is Status.GRADED
