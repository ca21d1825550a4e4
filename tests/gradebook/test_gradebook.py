"""What the gradebook promises: nothing lost, nothing doubled, nothing overwritten."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from autograder.gradebook import Gradebook, GradebookError
from autograder.records import ClassGrades, Outcome, Run
from autograder.text import clean_text


def recorded(book: Gradebook, class_grades: ClassGrades) -> int:
    number = book.start_run(class_grades.run)
    for grade in class_grades.grades:
        book.record(number, grade)
    return number


def test_grades_come_back_as_they_were_recorded(book, small_class):
    recorded(book, small_class)
    back = book.latest("moe_router_analysis")
    assert back.run == small_class.run
    assert set(back.grades) == set(small_class.grades)


def test_grades_come_back_in_the_order_of_their_submissions(book, small_class):
    recorded(book, small_class)
    names = [grade.submission for grade in book.latest("moe_router_analysis").grades]
    assert names == ["ada.ipynb", "bob.ipynb", "zoe.ipynb"]


def test_only_the_submissions_asked_for_come_back_in_that_order(book, small_class):
    recorded(book, small_class)
    some = book.latest("moe_router_analysis", ["zoe.ipynb", "ada.ipynb", "nobody.ipynb"])
    assert [grade.student for grade in some.grades] == ["zoe", "ada"]


def test_exercises_and_checks_keep_their_order(book, run, make_grade):
    grade = make_grade()
    swapped = replace(grade, exercises=tuple(reversed(grade.exercises)))
    recorded(book, ClassGrades(run=run, grades=(swapped,)))
    (back,) = book.latest(run.assignment).grades
    assert [exercise.name for exercise in back.exercises] == ["route", "find_router_layers"]
    assert [check.name for check in back.exercises[0].checks] == ["public_check", "hidden_check"]


def test_a_grade_without_exercises_or_checks_is_kept(book, run, make_grade):
    empty = replace(make_grade(), exercises=(), readable=False, notes=("a pipe",))
    hollow = replace(make_grade("bob"), exercises=(replace(make_grade().exercises[0], checks=()),))
    recorded(book, ClassGrades(run=run, grades=(empty, hollow)))
    assert book.latest(run.assignment).grades == (empty, hollow)


def test_the_newest_attempt_counts_and_the_older_ones_stay(book, run, make_grade):
    first, second = make_grade(), make_grade(outcomes=(Outcome.FAILED, Outcome.PASSED))
    recorded(book, ClassGrades(run=run, grades=(first,)))
    recorded(book, ClassGrades(run=run, grades=(second,)))
    assert book.latest(run.assignment).grades == (second,)
    with book._engine.connect() as connection:
        assert connection.exec_driver_sql("select count(*) from attempts").scalar() == 2


def test_hints_promises_and_pictures_come_back(book, run, make_grade):
    grade = make_grade(outcomes=(Outcome.FAILED, Outcome.PASSED))
    first, second = grade.exercises
    (slip, *rest) = first.checks
    slip = replace(slip, hint="Divide by the slots.", promises=("The shares add up to 1.", "Or so"))
    drawn = replace(first, checks=(slip, *rest), picture=b"\x89PNG\x00")
    recorded(book, ClassGrades(run=run, grades=(replace(grade, exercises=(drawn, second)),)))
    (back,) = book.latest(run.assignment).grades
    assert back.exercises == (drawn, second)


def test_which_submission_counts_is_noted_without_a_new_attempt(book, run, make_grade):
    grade = make_grade(submission="old.ipynb")
    recorded(book, ClassGrades(run=run, grades=(grade,)))
    book.replace(run.assignment, {"old.ipynb": "new.ipynb", "unknown.ipynb": "new.ipynb"})
    book.replace(run.assignment, {"old.ipynb": "new.ipynb"})
    (back,) = book.latest(run.assignment).grades
    assert back.replaced_by == "new.ipynb"
    assert back.notes == ("does not count: the same student's newest submission is new.ipynb",)
    book.replace(run.assignment, {"old.ipynb": ""})
    assert book.latest(run.assignment).grades == (grade,)


def test_one_submission_cannot_be_graded_twice_in_one_run(book, run, make_grade):
    number = book.start_run(run)
    book.record(number, make_grade())
    with pytest.raises(GradebookError, match=r"holds 'ada\.ipynb' of run 1 already"):
        book.record(number, make_grade(digest="sha256:2"))
    assert book.latest(run.assignment).grades == (make_grade(),)


def test_a_grade_of_an_unknown_run_is_refused(book, make_grade):
    with pytest.raises(GradebookError, match="no run 7"):
        book.record(7, make_grade())


def test_a_grade_is_kept_whole_or_not_at_all(book, run, make_grade):
    grade = make_grade()
    twice = replace(grade, exercises=(grade.exercises[0], grade.exercises[0]))
    number = book.start_run(run)
    with pytest.raises(GradebookError):
        book.record(number, twice)
    book.record(number, grade)
    assert book.latest(run.assignment).grades == (grade,)


def test_what_is_graded_is_held_by_submission_and_digest(book, small_class, make_grade):
    recorded(book, small_class)
    held = book.held("moe_router_analysis", "rev-1")
    assert held[("zoe.ipynb", "sha256:1")] == make_grade("zoe")
    assert ("zoe.ipynb", "sha256:2") not in held


def test_grades_of_another_revision_or_assignment_are_not_held(book, small_class):
    recorded(book, small_class)
    assert book.held("moe_router_analysis", "rev-2") == {}
    assert book.held("another", "rev-1") == {}


def test_what_needs_review_or_could_not_be_opened_is_tried_again(book, run, make_grade):
    unopened = replace(make_grade("eve", digest=""), readable=False)
    broken = make_grade("bob", outcomes=(Outcome.GRADER_ERROR, Outcome.PASSED))
    garbled = replace(make_grade("kim"), readable=False)
    recorded(book, ClassGrades(run=run, grades=(unopened, broken, garbled)))
    assert [submission for submission, _ in book.held(run.assignment, "rev-1")] == ["kim.ipynb"]


def test_a_submission_that_went_back_to_older_content_is_not_held(book, run, make_grade):
    for digest in ("sha256:1", "sha256:2"):
        recorded(book, ClassGrades(run=run, grades=(make_grade(digest=digest),)))
    assert set(book.held(run.assignment, "rev-1")) == {("ada.ipynb", "sha256:2")}


def test_the_weakest_isolation_of_all_grades_is_reported(book, run, make_grade):
    unsafe = replace(run, isolation="none")
    recorded(book, ClassGrades(run=unsafe, grades=(make_grade("ada"),)))
    recorded(book, ClassGrades(run=replace(run, seed="newer"), grades=(make_grade("bob"),)))
    assert book.latest(run.assignment).run == replace(run, isolation="none", seed="newer")
    assert book.latest(run.assignment, ["bob.ipynb"]).run.isolation == "namespaces"


def test_a_grade_of_an_older_revision_says_so(book, run, make_grade):
    recorded(book, ClassGrades(run=run, grades=(make_grade("ada"),)))
    newer = replace(run, course_revision="rev-2")
    recorded(book, ClassGrades(run=newer, grades=(make_grade("bob"),)))
    ada, bob = book.latest(run.assignment).grades
    assert "rev-1" in ada.notes[0]
    assert bob.notes == ()


def test_the_assignments_that_were_graded_are_listed(book, run, small_class, make_grade):
    recorded(book, small_class)
    other = replace(run, assignment="moe_routing_in_practice")
    recorded(book, ClassGrades(run=other, grades=(make_grade(),)))
    book.start_run(replace(run, assignment="never_finished"))
    assert book.assignments() == ("moe_router_analysis", "moe_routing_in_practice")


def test_an_assignment_that_was_never_graded_is_one_clear_sentence(book):
    with pytest.raises(GradebookError, match=r"holds no grades of 'nothing'$"):
        book.latest("nothing")


def test_hostile_text_is_kept_clean(book, hostile_class):
    recorded(book, hostile_class)
    back = book.latest("moe_router_analysis")
    assert len(back.grades) == len(hostile_class.grades)
    for grade in back.grades:
        for text in (grade.student, grade.submission, *grade.notes):
            assert text == clean_text(text)
    assert {"<script>alert(1)</script>", "'; DROP TABLE attempts; --"} <= {
        grade.student for grade in back.grades
    }


def test_a_name_that_needs_cleaning_is_found_again(book, run, make_grade):
    name = "lone\ud800.ipynb"
    recorded(book, ClassGrades(run=run, grades=(make_grade(submission=name),)))
    assert len(book.latest(run.assignment, [name]).grades) == 1


def test_a_plain_path_is_an_sqlite_file(tmp_path: Path, run: Run):
    Gradebook.open(str(tmp_path / "plain.db")).close()
    assert (tmp_path / "plain.db").read_bytes().startswith(b"SQLite format 3")
