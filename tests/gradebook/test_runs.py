"""Runs that were interrupted go on under their seed; what is graded once is recorded once."""

from __future__ import annotations

from dataclasses import replace

from autograder.records import Outcome

LAB = "moe_router_analysis"


def attempts(book) -> int:
    with book._engine.connect() as connection:
        return connection.exec_driver_sql("SELECT count(*) FROM attempts").scalar()


def test_a_run_without_an_end_was_interrupted(book, run):
    assert book.interrupted(LAB, "rev-1") is None
    number = book.start_run(run)
    assert book.interrupted(LAB, "rev-1").seed == "a seed"
    assert book.interrupted(LAB, "rev-2") is None
    assert book.interrupted("another", "rev-1") is None
    book.end_run(number)
    book.end_run(number)
    assert book.interrupted(LAB, "rev-1") is None


def test_the_rest_of_an_interrupted_run_has_its_seed(book, run):
    first = book.start_run(run)
    number, same = book.go_on(replace(run, seed="fresh", isolation="landlock"))
    assert same == replace(run, isolation="landlock")
    assert book.interrupted(LAB, "rev-1").first == first
    book.end_run(number)
    _, other = book.go_on(replace(run, seed="fresh"))
    assert other.seed == "fresh"


def test_a_seed_that_was_asked_for_is_used(book, run):
    book.start_run(run)
    _, mine = book.go_on(replace(run, seed="mine"), seed="mine")
    assert mine.seed == "mine"


def test_grading_again_goes_on_with_grading_again_alone(book, run):
    book.start_run(run)
    _, again = book.go_on(replace(run, seed="again"), regrade=True)
    assert again.seed == "again"
    _, rest = book.go_on(replace(run, seed="third"), regrade=True)
    assert rest.seed == "again"


def test_an_interrupted_regrade_holds_what_it_has_graded_itself(book, run, make_grade):
    old = book.start_run(run)
    for name in ("ada", "bob"):
        book.record(old, make_grade(name))
    book.end_run(old)
    again, _ = book.go_on(replace(run, seed="again"), regrade=True)
    assert book.record_once(again, make_grade("ada"))
    rest = book.interrupted(LAB, "rev-1")
    assert [name for name, _ in book.held(LAB, "rev-1", in_run=rest.first)] == ["ada.ipynb"]
    number, _ = book.go_on(replace(run, seed="third"), regrade=True)
    assert not book.record_once(number, make_grade("ada"))
    assert book.record_once(number, make_grade("bob"))
    assert attempts(book) == 4


def test_what_another_grader_recorded_meanwhile_is_not_doubled(book, run, make_grade):
    one, other = book.start_run(run), book.start_run(run)
    assert book.record_once(one, make_grade())
    assert not book.record_once(other, make_grade())
    assert attempts(book) == 1


def test_another_file_or_course_revision_is_another_attempt(book, run, make_grade):
    assert book.record_once(book.start_run(run), make_grade())
    assert book.record_once(book.start_run(run), make_grade(digest="sha256:2"))
    newer = replace(run, course_revision="rev-2")
    assert book.record_once(book.start_run(newer), make_grade(digest="sha256:2"))
    assert attempts(book) == 3


def test_what_could_not_be_judged_is_replaced_by_what_could(book, run, make_grade):
    broken = make_grade(outcomes=(Outcome.GRADER_ERROR, Outcome.PASSED))
    assert book.record_once(book.start_run(run), broken)
    assert book.record_once(book.start_run(run), make_grade())
    assert not book.record_once(book.start_run(run), make_grade())
    assert book.latest(LAB).grades == (make_grade(),)


def test_submissions_graded_twice_as_they_stand_are_compared(book, run, make_grade):
    first, second = make_grade("ada"), make_grade("ada", outcomes=(Outcome.PASSED, Outcome.ERROR))
    book.record(book.start_run(run), first)
    number = book.start_run(run)
    book.record(number, make_grade("bob"))
    later = replace(run, course_revision="rev-2")
    again = book.start_run(later)
    book.record(again, second)
    book.record(again, make_grade("bob", digest="sha256:2"))
    assert book.graded_twice(LAB) == [((run, first), (later, second))]
