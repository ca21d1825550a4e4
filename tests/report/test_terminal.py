"""The summary of a class of any size: what a person reads on 80 columns, and what to do next."""

from __future__ import annotations

import io
from dataclasses import replace

from rich.cells import cell_len
from rich.console import Console

from autograder.records import MANUAL_ADJUSTMENT, ClassGrades, Outcome
from autograder.report.terminal import MOST_ROWS, summary


def printed(class_grades: ClassGrades, *arguments: object) -> list[str]:
    console = Console(file=io.StringIO(), width=80, color_system=None)
    console.print(summary(class_grades, *arguments))
    return console.file.getvalue().splitlines()


def a_class(run, make_grade, size: int) -> ClassGrades:
    mixed = (Outcome.PASSED, Outcome.FAILED)
    grades = (make_grade(f"student_{n:03}", outcomes=mixed) for n in range(size))
    return ClassGrades(run=run, grades=tuple(grades))


def test_a_large_class_is_summed_up_on_one_screen(run, make_grade):
    lines = printed(a_class(run, make_grade, 300), "gradebook.db")
    assert len(lines) < 30
    assert max(map(cell_len, lines)) <= 80
    text = "\n".join(lines)
    assert "50 – 60 %      300   ████" in text
    assert "route" in text
    assert "300 submissions, mean 50 %, 0 with full marks." in text
    assert "One row per submission: moelab report gradebook.db --csv grades.csv" in text
    assert "student_000" not in text


def test_a_small_class_is_listed(run, make_grade):
    lines = printed(a_class(run, make_grade, MOST_ROWS), "gradebook.db")
    assert sum("student_" in line for line in lines) == MOST_ROWS
    assert "Next: moelab report gradebook.db --html report" in lines
    assert not [line for line in lines if line.startswith("One row")]


def test_what_was_written_already_is_not_suggested(small_class):
    lines = printed(small_class, "gradebook.db", ["html"])
    assert not [line for line in lines if line.startswith("Next")]


def test_a_grade_that_needs_a_person_comes_with_the_way_to_set_points(small_class):
    lines = printed(small_class, "my class.db")
    assert "To set points by hand: moelab adjust 'my class.db' --help" in lines


def test_who_handed_in_nothing_is_named(run, make_grade):
    missing = replace(make_grade("zoe", submission="", outcomes=(Outcome.MISSING,) * 2))
    missing = replace(missing, readable=False, notes=("no submission",))
    text = " ".join(" ".join(printed(ClassGrades(run=run, grades=(make_grade(), missing)))).split())
    assert "1 student handed in nothing: zoe." in text
    assert "could not be read" not in text
    assert "1 submission, mean 100 %" in text


def test_a_replaced_file_is_listed_and_does_not_count(run, make_grade):
    old = make_grade(submission="old.ipynb", outcomes=(Outcome.FAILED,) * 2)
    grades = (replace(old, replaced_by="new.ipynb"), make_grade(submission="new.ipynb"))
    text = " ".join(" ".join(printed(ClassGrades(run=run, grades=grades))).split())
    assert "does not count: there is a newer file" in text
    assert "mean 100 %, 1 with full marks" in text


def test_points_set_by_hand_are_no_check(run, make_grade):
    grade = make_grade(outcomes=(Outcome.PASSED, Outcome.FAILED))
    route = grade.exercises[1]
    entry = replace(route.checks[0], name=MANUAL_ADJUSTMENT, points=0.0, by_hand=3.0)
    adjusted = replace(route, checks=(*route.checks, replace(entry, outcome=Outcome.PASSED)))
    grades = (replace(grade, exercises=(grade.exercises[0], adjusted)),)
    text = "\n".join(printed(ClassGrades(run=run, grades=grades)))
    assert "13 / 20" in text
    assert "2 passed, 2 failed; 1 set by" in text
