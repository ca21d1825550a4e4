"""Zeros that may be mistakes are loud: on the page, on the terminal and in `grade`'s status."""

from __future__ import annotations

import io
import re
from dataclasses import replace

import pytest
from rich.cells import cell_len
from rich.console import Console

from autograder.records import OTHER_ASSIGNMENT, ClassGrades, Grade, Outcome
from autograder.report.class_page.entries import entries
from autograder.report.class_page.html import html
from autograder.report.items import Flag, item_statistics
from autograder.report.review import needs_a_person, passed_by_nobody, to_review
from autograder.report.terminal import NAMED, summary

RIGHT = (Outcome.PASSED,) * 2
WRONG = (Outcome.FAILED,) * 2
NOTHING = (Outcome.MISSING,) * 2


@pytest.fixture
def a_class(run, make_grade):
    """A class of ten or more: nine right submissions of different students, and those given."""

    def build(*others: Grade) -> ClassGrades:
        right = (make_grade(f"student_{n}", outcomes=RIGHT, digest=digest(n)) for n in range(9))
        return ClassGrades(run=run, grades=(*right, *others))

    return build


def digest(number: int) -> str:
    return f"sha256:{number:064x}"


def reasons(class_grades: ClassGrades) -> dict[str, str]:
    """Why each submission stands under "Review first"."""
    found = to_review(entries(class_grades))
    return {review.entry.grade.submission: review.why for review in found}


def terminal(class_grades: ClassGrades) -> str:
    """What stands on a terminal of 80 columns, as one line."""
    console = Console(file=io.StringIO(), width=80, color_system=None)
    console.print(summary(class_grades))
    printed = console.file.getvalue()
    assert max(map(cell_len, printed.splitlines())) <= 80
    return " ".join(printed.split())


def nobody(run, make_grade, size: int, *, hidden: Outcome) -> ClassGrades:
    """A class in which nobody passes `route`'s hidden check, and its public one passes always."""
    grades = []
    for number in range(size):
        grade = make_grade(f"student_{number}", digest=digest(number))
        route = grade.exercises[1]
        checks = (route.checks[0], replace(route.checks[1], outcome=hidden))
        grades.append(replace(grade, exercises=(grade.exercises[0], replace(route, checks=checks))))
    return ClassGrades(run=run, grades=tuple(grades))


def test_an_ordinary_class_with_wrong_answers_raises_no_alarm(a_class, make_grade):
    wrong = make_grade("zoe", outcomes=WRONG, digest=digest(99))
    absent = make_grade("bob", submission="", readable=False)
    ordinary = a_class(wrong, absent)
    assert reasons(ordinary) == {}
    assert not needs_a_person(ordinary)
    assert "Review first" not in html(ordinary)


def test_a_notebook_of_another_assignment_is_named_with_the_assignment(a_class, make_grade):
    note = f"{OTHER_ASSIGNMENT}'moe_routing_in_practice'"
    odd = a_class(make_grade("zoe", outcomes=NOTHING, digest=digest(99), notes=(note,)))
    said = "it defines none of the functions that are asked for; its metadata names the assignment "
    assert reasons(odd) == {"zoe.ipynb": said + "'moe_routing_in_practice'"}
    assert needs_a_person(odd)
    assert f"zoe.ipynb: {said}'moe_routing_in_practice'." in terminal(odd)
    assert "it defines none of the functions" in html(odd)


def test_one_function_is_enough_not_to_be_empty(a_class, make_grade):
    some = (Outcome.FAILED, Outcome.MISSING)
    assert not needs_a_person(a_class(make_grade("zoe", outcomes=some, digest=digest(99))))


def test_a_zero_that_counts_beside_a_better_file_names_that_file(a_class, make_grade):
    half = (Outcome.PASSED, Outcome.FAILED)
    files = [
        make_grade("zoe", submission=f"zoe_{n}.ipynb", outcomes=outcomes, digest=digest(90 + n))
        for n, outcomes in enumerate([half, RIGHT, NOTHING])
    ]
    older = [replace(file, replaced_by="zoe_2.ipynb") for file in files[:2]]
    odd = a_class(*older, files[2])
    said = "0 points count, and zoe_1.ipynb of the same student has 20"
    assert reasons(odd) == {"zoe_2.ipynb": said}
    assert needs_a_person(odd)
    assert f"zoe_2.ipynb: {said}." in terminal(odd)
    assert said in html(odd)


def test_a_newer_file_that_earns_something_may_be_worse(a_class, make_grade):
    old = make_grade("zoe", submission="old.ipynb", digest=digest(90))
    new = make_grade("zoe", outcomes=(Outcome.PASSED, Outcome.FAILED), digest=digest(91))
    assert not needs_a_person(a_class(replace(old, replaced_by=new.submission), new))


def test_a_check_that_nobody_of_ten_passes_is_to_be_looked_at_first(run, make_grade):
    odd = nobody(run, make_grade, 10, hidden=Outcome.FAILED)
    assert passed_by_nobody(item_statistics(odd)) == ["route: Title of hidden_check (none of 10)"]
    assert needs_a_person(odd)
    said = "Nobody passes: route: Title of hidden_check (none of 10). Look there first."
    assert said in terminal(odd)
    page = html(odd)
    assert "Nobody passes these: look there first." in page
    assert Flag.NOBODY.value in page


def test_an_exercise_without_points_for_anyone_is_named_once(run, make_grade):
    outcomes = (Outcome.PASSED, Outcome.FAILED)
    grades = [make_grade(f"s{n}", outcomes=outcomes, digest=digest(n)) for n in range(12)]
    odd = ClassGrades(run=run, grades=tuple(grades))
    assert passed_by_nobody(item_statistics(odd)) == ["route (no points for any of 12)"]
    assert needs_a_person(odd)


def test_nine_who_fail_a_check_or_one_of_ten_who_passes_say_nothing(run, make_grade):
    nine = nobody(run, make_grade, 9, hidden=Outcome.FAILED)
    assert not needs_a_person(nine)
    passes = make_grade("zoe", digest=digest(99))
    assert not needs_a_person(replace(nine, grades=(*nine.grades, passes)))


def test_files_that_are_the_same_in_every_byte_name_each_other(a_class, make_grade):
    odd = a_class(make_grade("zoe", digest=digest(3)))
    assert reasons(odd) == {
        "student_3.ipynb": "byte for byte the same as zoe.ipynb",
        "zoe.ipynb": "byte for byte the same as student_3.ipynb",
    }
    assert needs_a_person(odd)
    assert "zoe.ipynb: byte for byte the same as student_3.ipynb." in terminal(odd)
    assert "byte for byte the same as zoe.ipynb" in html(odd)


def test_a_student_may_hand_in_the_same_file_twice(a_class, make_grade):
    old = make_grade("zoe", submission="old.ipynb", digest=digest(99))
    new = make_grade("zoe", digest=digest(99))
    assert not needs_a_person(a_class(replace(old, replaced_by=new.submission), new))


def test_a_file_that_cannot_be_read_asks_for_a_person(a_class, make_grade):
    broken = make_grade("zoe", submission="zoe.pdf", readable=False, notes=("it is a PDF",))
    odd = a_class(broken)
    assert reasons(odd) == {"zoe.pdf": "it is a PDF"}
    assert needs_a_person(odd)
    assert "1 submission could not be read: zoe.pdf." in terminal(odd)


def test_many_of_a_kind_are_counted_and_a_few_are_named(a_class, make_grade):
    empty = [make_grade(f"e{n}", outcomes=NOTHING, digest=digest(50 + n)) for n in range(NAMED + 3)]
    said = terminal(a_class(*empty))
    assert said.count("defines none of the functions") == NAMED
    assert "3 more submissions like these." in said


def test_alarms_stand_on_top_of_the_page_and_lead_to_the_rows_of_their_causes(run, make_grade):
    late = (Outcome.TIMEOUT, Outcome.FAILED)
    grades = [make_grade(f"slow{n}", outcomes=late) for n in range(4)]
    grades += [make_grade(f"right{n}", outcomes=(Outcome.PASSED, Outcome.FAILED)) for n in range(8)]
    grades += [make_grade("lost", readable=False)]
    page = html(ClassGrades(run=run, grades=tuple(grades)))
    found = {
        words: cause
        for cause, words in re.findall(r'<li><a href="#([\w-]+)">([^<]*)</a></li>', page)
    }
    assert found["1 submission could not be read"] == "review"
    assert found["route: nobody earns any of its points"] == "c2-1"
    slow = "find_router_layers: “Title of public_check” ran out of time for 4 of 12"
    assert found[slow] == "c1-1"
    for cause in found.values():
        assert f'id="{cause}"' in page
    quiet = html(ClassGrades(run=run, grades=(make_grade(),)))
    assert "Look here first" not in quiet
