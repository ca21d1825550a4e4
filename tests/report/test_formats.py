"""The report formats: what stands in each, and that hostile names break none of them."""

from __future__ import annotations

import csv
import io
import json
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from rich.cells import cell_len
from rich.console import Console

from autograder.records import (
    MANUAL_ADJUSTMENT,
    WHICH_FILE,
    ClassGrades,
    Enrolment,
    ExerciseGrade,
    Outcome,
    absent,
)
from autograder.report.class_page.html import html
from autograder.report.feedback.content import feedback
from autograder.report.feedback.files import feedback_page
from autograder.report.feedback.text import feedback_json, feedback_markdown
from autograder.report.files import ReportError
from autograder.report.grade_file import grade_file, read_grade_file
from autograder.report.lms.gradescope import gradescope_results
from autograder.report.lms.platforms import canvas_file
from autograder.report.table import table
from autograder.report.terminal import summary
from autograder.text import clean_line, clean_name, clean_text


def rows_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


def printed(class_grades: ClassGrades, width: int = 80) -> str:
    console = Console(file=io.StringIO(), width=width, color_system="truecolor")
    console.print(summary(class_grades))
    return console.file.getvalue()


class Page(HTMLParser):
    """The elements and the text of a page, as a browser would see them."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text += data

    def tags(self, name: str) -> list[dict[str, str | None]]:
        return [attributes for tag, attributes in self.elements if tag == name]


def without_isolation(class_grades: ClassGrades) -> ClassGrades:
    return replace(class_grades, run=replace(class_grades.run, isolation="none"))


def test_the_grade_file_is_exactly_as_promised(run, make_grade):
    grade = make_grade(outcomes=(Outcome.PASSED, Outcome.FAILED), notes=("late",))
    content = json.loads(grade_file(ClassGrades(run=run, grades=(grade,))))
    assert list(content) == [
        "format_version",
        "assignment",
        "course_revision",
        "seed",
        "isolation",
        "models",
        "grades",
    ]
    assert content["format_version"] == 2
    assert content["models"] == ["tiny"]
    (found,) = content["grades"]
    exercises = found.pop("exercises")
    assert found == {
        "student": "ada",
        "submission": "ada.ipynb",
        "digest": "sha256:1",
        "counts": True,
        "replaced_by": None,
        "email": "",
        "id": "",
        "section": "",
        "late": False,
        "status": "graded",
        "score": 10.0,
        "possible": 20.0,
        "notes": ["late"],
    }
    assert [(e["name"], e["score"], e["possible"]) for e in exercises] == [
        ("find_router_layers", 10.0, 10.0),
        ("route", 0.0, 10.0),
    ]
    assert exercises[1]["checks"][1] == {
        "name": "hidden_check",
        "title": "Title of hidden_check",
        "hidden": True,
        "points": 8.0,
        "score": 0.0,
        "outcome": "failed",
        "message": "hidden_check: failed",
        "misconception": "Divides by the tokens.",
        "seconds": 0.25,
    }


def test_scores_in_the_grade_file_are_numbers_with_a_point(small_class):
    assert '"score": 20.0' in grade_file(small_class)


def test_a_grade_file_is_read_back(small_class):
    assert read_grade_file(grade_file(small_class)) == small_class


def test_what_version_2_says_of_a_grade_is_read_back(run, make_grade):
    enrolled = Enrolment(email="ada@example.org", number="S1", section="01")
    new = replace(make_grade("ada", submission="2.ipynb"), enrolment=enrolled, late=True)
    old = replace(new, submission="1.ipynb", replaced_by="2.ipynb", notes=("old",))
    doubted = make_grade("bob", notes=(f"{WHICH_FILE}two files could be meant",))
    away = replace(absent("zoe", [new], ()), enrolment=enrolled)
    whole = ClassGrades(run=run, grades=(old, new, doubted, away))
    assert read_grade_file(grade_file(whole)) == whole
    content = json.loads(grade_file(whole))["grades"]
    assert [(one["counts"], one["replaced_by"]) for one in content[:2]] == [
        (False, "2.ipynb"),
        (True, None),
    ]
    assert content[2]["status"] == "needs_review"
    assert content[3]["status"] == "absent"


def test_grade_files_of_version_1_are_read(small_class):
    added = {"counts", "replaced_by", "email", "id", "section", "late"}
    content = json.loads(grade_file(small_class))
    grades = [{k: v for k, v in one.items() if k not in added} for one in content["grades"]]
    old = content | {"format_version": 1, "grades": grades}
    assert read_grade_file(json.dumps(old)) == small_class


def test_a_spreadsheet_adds_up_what_counts(run, make_grade):
    new = make_grade("ada", submission="2.ipynb")
    old = replace(make_grade("ada", submission="1.ipynb"), replaced_by="2.ipynb")
    bob = make_grade("bob", outcomes=(Outcome.PASSED, Outcome.FAILED))
    rows = rows_of(table(ClassGrades(run=run, grades=(old, new, bob))))
    assert sum(float(row["score"]) for row in rows if row["score"]) == 30
    assert [row["score"] for row in rows if row["counts"] == "false"] == [""]
    assert [row["replaced_by"] for row in rows] == ["2.ipynb", "", ""]
    for row in rows[1:]:
        assert float(row["score"]) == float(row["find_router_layers"]) + float(row["route"])


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format_version": 2}', "[" * 100_000])
def test_what_is_no_grade_file_is_one_sentence(text):
    with pytest.raises(ReportError) as raised:
        read_grade_file(text)
    assert "\n" not in str(raised.value)


def test_statuses_follow_from_the_grades(small_class, make_grade):
    unread = replace(make_grade("eve"), readable=False)
    grades = json.loads(grade_file(replace(small_class, grades=(*small_class.grades, unread))))
    statuses = {grade["student"]: grade["status"] for grade in grades["grades"]}
    assert statuses == {
        "zoe": "graded",
        "ada": "graded",
        "bob": "needs_review",
        "eve": "unreadable",
    }


def test_points_set_by_hand_are_in_the_grade_file_and_come_back(run, make_grade):
    grade = make_grade(outcomes=(Outcome.PASSED, Outcome.FAILED))
    first, route = grade.exercises
    entry = replace(
        route.checks[0], name=MANUAL_ADJUSTMENT, points=0.0, outcome=Outcome.PASSED, by_hand=3.0
    )
    adjusted = replace(grade, exercises=(first, replace(route, checks=(*route.checks, entry))))
    text = grade_file(ClassGrades(run=run, grades=(adjusted,)))
    (found,) = json.loads(text)["grades"]
    assert (found["score"], found["possible"]) == (13.0, 20.0)
    assert [check["score"] for check in found["exercises"][1]["checks"]] == [0.0, 0.0, 3.0]
    assert read_grade_file(text).grades == (adjusted,)


def test_the_table_has_one_row_per_submission(small_class):
    rows = rows_of(table(small_class))
    assert list(rows[0]) == [
        "student",
        "submission",
        "status",
        "score",
        "possible",
        "counts",
        "replaced_by",
        "email",
        "id",
        "section",
        "late",
        "find_router_layers",
        "route",
        "notes",
    ]
    assert [row["student"] for row in rows] == ["zoe", "ada", "bob"]
    assert [float(row["score"]) for row in rows] == [20, 10, 10]
    assert float(rows[1]["route"]) == 0


def test_a_submission_without_an_exercise_has_an_empty_cell(run, make_grade):
    partial = replace(make_grade("bob"), exercises=make_grade().exercises[:1])
    rows = rows_of(table(ClassGrades(run=run, grades=(make_grade(), partial))))
    assert rows[1]["route"] == ""


def test_no_cell_of_the_table_is_a_formula(hostile_class):
    for row in csv.reader(io.StringIO(table(hostile_class), newline="")):
        for cell in row:
            assert not cell.startswith(("=", "+", "-", "@", "\t", "\r"))
    assert '\'=cmd|"/c calc"!A1' in [row["student"] for row in rows_of(table(hostile_class))]


def test_every_format_holds_every_hostile_name_once_cleaned(hostile_class):
    names = [clean_name(grade.student) for grade in hostile_class.grades]
    content = json.loads(grade_file(hostile_class))
    assert [grade["student"] for grade in content["grades"]] == names
    results = json.loads(gradescope_results(hostile_class))
    assert [r["extra_data"]["submission"] for r in results] == [f"{name}.ipynb" for name in names]
    assert [row["student"].removeprefix("'") for row in rows_of(table(hostile_class))] == [
        name.removeprefix("'") for name in names
    ]
    page = " ".join(Page(html(hostile_class)).text.split())
    assert all(name in page for name in names)


def test_no_format_passes_on_control_characters_or_bidi_overrides(hostile_class):
    console = Console(file=io.StringIO(), width=80, color_system=None)
    console.print(summary(hostile_class))
    written = [
        json.dumps(json.loads(grade_file(hostile_class)), ensure_ascii=False),
        json.dumps(json.loads(gradescope_results(hostile_class)), ensure_ascii=False),
        table(hostile_class).replace("\r\n", "\n"),
        html(hostile_class),
        console.file.getvalue(),
    ]
    for text in written:
        text.encode("utf-8")
        assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", text)


def test_messages_are_cut_to_two_thousand_characters(run, make_grade):
    grade = make_grade(outcomes=(Outcome.ERROR, Outcome.PASSED), message="x" * 5_000)
    class_grades = ClassGrades(run=run, grades=(grade,))
    (check, *_) = json.loads(grade_file(class_grades))["grades"][0]["exercises"][0]["checks"]
    assert len(check["message"]) == 2_000
    assert "x" * 2_001 not in html(class_grades)


@pytest.mark.slow
def test_fifty_megabytes_in_every_place_become_little_in_every_format(run, make_grade):
    text = "x" * 50_000_000
    grade = make_grade(text, outcomes=(Outcome.ERROR, Outcome.FAILED), message=text, notes=(text,))
    exercises = []
    for exercise in grade.exercises:
        checks = (replace(check, misconception=text, hint=text) for check in exercise.checks)
        exercises.append(replace(exercise, checks=tuple(checks)))
    grade = replace(grade, exercises=tuple(exercises), identity=(f"name {text}", "canvas 1"))
    of_class = ClassGrades(run=run, grades=(grade,))
    own = feedback(grade, run)
    written = [
        *(write(of_class) for write in (table, grade_file, gradescope_results, html, printed)),
        canvas_file(of_class),
        *(write(own) for write in (feedback_markdown, feedback_json, feedback_page)),
    ]
    assert max(map(len, written)) < 200_000


def test_no_element_of_the_page_comes_from_a_submission(small_class, hostile_class):
    ours = Page(html(small_class))
    page = Page(html(hostile_class))
    assert {tag for tag, _ in page.elements} <= {tag for tag, _ in ours.elements}
    assert len(page.tags("script")) == len(ours.tags("script")) == 2
    assert not [key for _, attributes in page.elements for key in attributes if key[:2] == "on"]


def test_the_page_tells_what_students_got_and_why(small_class):
    text = Page(html(small_class)).text
    assert "hidden_check: failed" in text
    assert "Divides by the tokens." in text
    assert "1 submission needs a person" in text


def test_the_page_of_an_empty_class_can_be_written(run):
    assert "No submissions." in Page(html(ClassGrades(run=run, grades=()))).text


def test_a_class_without_any_points_can_be_reported(run, make_grade):
    hollow = ExerciseGrade(name="route", checks=())
    grades = (replace(make_grade(), exercises=(hollow,)), replace(make_grade("b"), exercises=()))
    class_grades = ClassGrades(run=run, grades=grades)
    assert "0 / 0" in " ".join(printed(class_grades).split())
    assert "0 / 0" in Page(html(class_grades)).text
    assert len(rows_of(table(class_grades))) == 2


def test_grading_without_isolation_shows_on_every_report(small_class):
    unsafe = without_isolation(small_class)
    assert json.loads(grade_file(unsafe))["isolation"] == "none"
    assert all(row["isolation"] == "none" for row in rows_of(table(unsafe)))
    assert all("without isolation" in r["output"] for r in json.loads(gradescope_results(unsafe)))
    assert "ISOLATION NONE" in printed(unsafe)
    assert "Isolation: none." in Page(html(unsafe)).text
    assert "ISOLATION NONE" not in printed(small_class)
    assert "Isolation: none." not in Page(html(small_class)).text


def test_the_summary_fits_eighty_columns(small_class, hostile_class):
    for class_grades in (small_class, hostile_class):
        console = Console(file=io.StringIO(), width=80, color_system=None)
        console.print(summary(class_grades))
        assert max(map(cell_len, console.file.getvalue().splitlines())) <= 80


def test_the_summary_is_sorted_and_says_what_to_do_next(small_class):
    text = printed(small_class)
    assert text.index("ada") < text.index("bob") < text.index("zoe")
    assert "all 4 passed" in text
    assert "2 passed, 2 failed" in text
    assert "1 submission needs a person" in " ".join(text.split())
    assert "bob.ipynb" in text


def test_several_files_of_one_student_are_told_apart(run, make_grade):
    grades = (make_grade(submission="a/1.ipynb"), make_grade(submission="b/2.ipynb"))
    text = printed(ClassGrades(run=run, grades=grades))
    assert "a/1.ipynb" in text
    assert "b/2.ipynb" in text


def test_names_are_no_markup_on_the_terminal(hostile_class):
    assert "[bold red]markup[/" in printed(hostile_class)


def test_one_submission_is_one_gradescope_result_and_several_are_a_list(run, make_grade):
    one = json.loads(gradescope_results(ClassGrades(run=run, grades=(make_grade(),))))
    two = json.loads(gradescope_results(ClassGrades(run=run, grades=(make_grade(),) * 2)))
    assert one["score"] == 20.0
    assert [result["score"] for result in two] == [20.0, 20.0]


def test_gradescope_keeps_hidden_checks_until_grades_are_published(run, make_grade):
    result = json.loads(gradescope_results(ClassGrades(run=run, grades=(make_grade(),))))
    seen = {test["name"]: test["visibility"] for test in result["tests"]}
    assert seen["route: Title of public_check"] == "visible"
    assert seen["route: Title of hidden_check"] == "after_published"
    assert sum(test["max_score"] for test in result["tests"]) == 20.0


def test_gradescope_says_why_a_submission_was_not_graded(run, make_grade):
    unread = replace(make_grade(notes=("it is a pipe",)), readable=False)
    broken = make_grade(outcomes=(Outcome.GRADER_ERROR, Outcome.PASSED))
    results = json.loads(gradescope_results(ClassGrades(run=run, grades=(unread, broken))))
    assert results[0]["output"] == "Your submission could not be read.\nit is a pipe"
    assert "could not be judged" in results[1]["output"]


def test_clean_text_is_clean_for_good():
    for text in ("\x1b\x1b[31m[31mred", "a\r\nb\rc", "\u202eabc", "\ud800\udc00", "\x9b2J", "😀‍"):
        assert clean_text(clean_text(text)) == clean_text(text)
    assert clean_text("a\r\nb\tc\x00") == "a\nb\tc"
    assert clean_text("\x1b]0;title\x07text") == "text"


def test_cut_text_ends_with_an_ellipsis():
    assert clean_text("x" * 10, 5) == "xxxx…"
    assert clean_text("x" * 5, 5) == "xxxxx"
    assert clean_text("\x00" * 10**6 + "x") == "…"


def test_a_line_is_one_line():
    assert clean_line(" a\n\tb\r\n c ") == "a b c"


def test_clean_names_that_differ_stay_different():
    names = ["a b", "a  b", " a b", "x" * 5_000 + "1", "x" * 5_000 + "2"]
    assert [clean_name(name) for name in names] == names
    assert clean_name("a\tb\nc") == "a b c"
