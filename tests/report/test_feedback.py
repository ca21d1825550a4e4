"""A student's feedback: all that is theirs to know, and nothing else."""

from __future__ import annotations

import json
from dataclasses import replace

import nbformat
import pytest
from markdown_it import MarkdownIt

from autograder.otter.handover import message_of as message_for_otter
from autograder.otter.handover import verdict_notebook
from autograder.records import (
    MANUAL_ADJUSTMENT,
    CheckResult,
    ClassGrades,
    Evidence,
    Outcome,
    Status,
)
from autograder.report.class_page.details import details_data
from autograder.report.class_page.entries import entries
from autograder.report.class_page.html import html
from autograder.report.feedback.content import feedback
from autograder.report.feedback.files import feedback_page, handouts_of, write_feedback
from autograder.report.feedback.text import feedback_json, feedback_markdown
from autograder.report.grade_file import grade_file, read_grade_file
from autograder.report.items import item_statistics
from autograder.report.lms.gradescope import gradescope_results, result_of

SECRET = "tensor([[0.1234, 0.5678]])"


def with_check(grade, *, hidden: bool, outcome: Outcome, message: str):
    """The grade with one exercise of one check."""
    check = replace(grade.exercises[1].checks[1], hidden=hidden, outcome=outcome, message=message)
    return replace(grade, exercises=(replace(grade.exercises[1], checks=(check,)),))


def message_of(run, grade) -> str:
    return feedback(grade, run).exercises[0].checks[0].message


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        (f"route raised ValueError: {SECRET}", "route raised ValueError"),
        (f"route raised KeyboardInterrupt: {SECRET}", "route raised KeyboardInterrupt"),
        (f"route raised LinAlgError: {SECRET}", "route raised an exception"),
        ("route raised Tensor01234: it", "route raised an exception"),
        ("route raised print: it", "route raised an exception"),
        (SECRET, "route raised an exception"),
        ("route is not written yet: replace `raise …`", "route is not written yet"),
    ],
)
def test_an_error_in_a_hidden_check_gives_the_kind_of_exception_alone(
    run, make_grade, message, shown
):
    grade = with_check(make_grade(), hidden=True, outcome=Outcome.ERROR, message=message)
    assert message_of(run, grade) == shown


@pytest.mark.parametrize("outcome", [Outcome.ERROR, Outcome.FAILED, Outcome.TIMEOUT])
def test_a_public_message_is_shown_in_full(run, make_grade, outcome):
    message = f"asked for route({SECRET})\n" + "x" * 1_900
    grade = with_check(make_grade(), hidden=False, outcome=outcome, message=message)
    assert message_of(run, grade) == message


def test_what_the_author_of_a_hidden_check_says_is_shown_on_one_line(run, make_grade):
    message = "the shares\nadd up to 2, not 1" + "x" * 5_000
    grade = with_check(make_grade(), hidden=True, outcome=Outcome.FAILED, message=message)
    shown = message_of(run, grade)
    assert shown.startswith("the shares add up to …, not …")
    assert len(shown) == 240


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        ("the result has shape [4, 8], not [4]", "the result has shape […, …], not […]"),
        ("it lacks 'layer_9' and isn't a dict", "it lacks … and isn't a dict"),
        ("the loss is nan in float32, -1.5e-07 off", "the loss is … in float32, … off"),
    ],
)
def test_what_a_hidden_checks_message_quotes_of_an_answer_is_left_out(
    run, make_grade, message, shown
):
    grade = with_check(make_grade(), hidden=True, outcome=Outcome.FAILED, message=message)
    assert message_of(run, grade) == shown
    public = with_check(make_grade(), hidden=False, outcome=Outcome.FAILED, message=message)
    assert message_of(run, public) == message


@pytest.mark.parametrize("hidden", [True, False])
def test_a_bug_of_the_grader_is_not_shown_to_students(run, make_grade, hidden):
    message = f"the check itself is broken: KeyError: {SECRET}"
    grade = with_check(make_grade(), hidden=hidden, outcome=Outcome.GRADER_ERROR, message=message)
    assert "costs you nothing" in message_of(run, grade)
    assert SECRET not in message_of(run, grade)
    assert "instructor" in feedback_markdown(feedback(grade, run))


@pytest.mark.parametrize("outcome", [Outcome.TIMEOUT, Outcome.MEMORY, Outcome.DIED])
def test_a_hidden_check_that_was_cut_short_says_how(run, make_grade, outcome):
    grade = with_check(make_grade(), hidden=True, outcome=outcome, message=SECRET)
    assert message_of(run, grade)
    assert SECRET not in message_of(run, grade)


def test_misconception_and_hint_are_in_every_format(run, make_grade):
    check = replace(
        make_grade(outcomes=(Outcome.PASSED, Outcome.FAILED)).exercises[1].checks[1],
        misconception="divides_by_tokens",
        hint="Each token fills `k` slots.",
    )
    grade = make_grade()
    exercise = replace(grade.exercises[1], checks=(check,))
    one = feedback(replace(grade, exercises=(exercise,)), run)
    assert "Divides by tokens." in feedback_page(one)
    assert "Each token fills <code>k</code> slots." in feedback_page(one)
    assert "**Likely slip:** Divides by tokens. Each token fills `k` slots." in (
        feedback_markdown(one)
    )
    (found,) = json.loads(feedback_json(one))["exercises"][0]["checks"]
    assert found["misconception"] == "Divides by tokens"
    assert found["hint"] == "Each token fills `k` slots."


def test_the_json_says_what_was_earned_and_sums_up(run, make_grade):
    one = feedback(make_grade(outcomes=(Outcome.PASSED, Outcome.FAILED), notes=("late",)), run)
    content = json.loads(feedback_json(one))
    assert (content["score"], content["possible"], content["notes"]) == (10.0, 20.0, ["late"])
    assert [e["score"] for e in content["exercises"]] == [10.0, 0.0]
    for exercise in content["exercises"]:
        assert exercise["score"] == sum(check["score"] for check in exercise["checks"])


def test_no_folder_names_the_seed_the_revision_or_another_student(class_of_300, tmp_path):
    some = replace(class_of_300, grades=class_of_300.grades[:12])
    write_feedback(some, tmp_path)
    assert len([path for path in tmp_path.iterdir() if path.is_dir()]) == 12
    for handout in handouts_of(some):
        written = [path.read_text("utf-8") for path in (tmp_path / handout.folder).iterdir()]
        assert len(written) == 3
        others = [grade for grade in some.grades if grade.student != handout.content.student]
        for secret in (some.run.seed, some.run.course_revision, *(o.digest for o in others)):
            assert not any(secret in text for text in written)
        assert not any(other.student in text for other in others for text in written)


@pytest.mark.slow
def test_plots_are_the_students_own(class_with_pictures, tmp_path):
    write_feedback(class_with_pictures, tmp_path)
    for handout, grade in zip(
        handouts_of(class_with_pictures),
        sorted(class_with_pictures.grades, key=lambda grade: grade.student.casefold()),
        strict=True,
    ):
        own = {f"{e.name}.png": e.picture for e in grade.exercises if e.picture}
        folder = tmp_path / handout.folder
        assert {path.name: path.read_bytes() for path in folder.glob("*.png")} == own
        assert (folder / "feedback.html").read_text("utf-8").count("data:image/png") == len(own)


def test_folders_of_hostile_names_are_safe_and_differ(hostile_class, tmp_path):
    folder = tmp_path / "feedback"
    write_feedback(hostile_class, folder)
    assert len([path for path in folder.iterdir() if path.is_dir()]) == len(hostile_class.grades)
    assert [path.name for path in tmp_path.iterdir()] == ["feedback"]


def test_the_newest_submission_counts_and_others_get_no_feedback(run, make_grade):
    older = replace(make_grade(submission="old.ipynb"), replaced_by="ada.ipynb")
    found = handouts_of(ClassGrades(run=run, grades=(older, make_grade("ada"))))
    assert [(one.folder, one.content.submission) for one in found] == [("ada", "ada.ipynb")]


def test_several_submissions_that_count_do_not_overwrite_each_other(run, make_grade):
    grades = (make_grade("ada", submission="a/1.py"), make_grade("ada", submission="b/1.py"))
    found = handouts_of(ClassGrades(run=run, grades=grades))
    assert len({one.folder for one in found}) == 2


def test_an_unreadable_submission_is_told_why(run, make_grade):
    one = feedback(make_grade(readable=False, notes=("it is a pipe",)), run)
    assert one.status is Status.UNREADABLE
    for text in (feedback_page(one), feedback_markdown(one)):
        assert "could not be read" in text
        assert "it is a pipe" in text


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "[click](javascript:alert(1)) ![x](http://example.org/x.png)",
        "```\n<img src=x onerror=alert(1)>\n```",
        "~~~\n# Full marks\n~~~",
        "<http://example.org> &lt;b&gt; **bold** _it_ `code` | cell |\n---\n> quote",
        "line\n\n<div>html</div>\n\n    code",
    ],
)
def test_in_markdown_what_a_student_writes_stays_text(run, make_grade, text):
    grade = with_check(
        make_grade(text, notes=(text,)), hidden=False, outcome=Outcome.ERROR, message=text
    )
    tokens = MarkdownIt("commonmark").enable("table").parse(feedback_markdown(feedback(grade, run)))
    inline = [child for token in tokens for child in token.children or ()]
    assert not [t for t in (*tokens, *inline) if t.type.startswith(("html", "link", "image"))]
    assert [t.content for t in tokens if t.type == "fence"] == [f"{text}\n", f"{text}\n"]
    assert len([t for t in tokens if t.type == "heading_open"]) == 2
    spoken = " ".join(
        t.content for t in inline if t.type in ("text", "code_inline", "text_special")
    )
    assert " ".join(text.split())[:20].strip() in spoken.replace("  ", " ")


def test_points_that_a_person_gave_are_shown_with_their_reason(run, make_grade):
    grade = make_grade(outcomes=(Outcome.PASSED, Outcome.FAILED))
    entry = CheckResult(
        name=MANUAL_ADJUSTMENT,
        title="Points set by hand",
        hidden=False,
        points=0.0,
        outcome=Outcome.PASSED,
        message="a good idea (Grace, 2026-11-26)",
        by_hand=1.5,
    )
    exercise = replace(grade.exercises[1], checks=(*grade.exercises[1].checks, entry))
    one = feedback(replace(grade, exercises=(grade.exercises[0], exercise)), run)
    for text in (feedback_page(one), feedback_markdown(one)):
        assert "a good idea (Grace, 2026-11-26)" in text
        assert "+1.5" in text


def test_who_handed_in_nothing_is_told_so(run, make_grade):
    one = feedback(make_grade(submission="", readable=False), run)
    for text in (feedback_page(one), feedback_markdown(one)):
        assert "There is no submission of yours." in text


def test_what_the_exercise_says_is_quoted_in_every_format(run, make_grade):
    promises = ("The shares `f` add up to 1.", "No input is changed.")
    grade = with_check(make_grade(), hidden=True, outcome=Outcome.FAILED, message="they add up")
    exercise = grade.exercises[0]
    check = replace(exercise.checks[0], promises=promises)
    grade = replace(grade, exercises=(replace(exercise, checks=(check,)),))
    one, of_class = feedback(grade, run), ClassGrades(run=run, grades=(grade,))
    said = "The exercise says: “The shares `f` add up to 1.” “No input is changed.”"
    assert said.replace("says:", "says:**") in feedback_markdown(one)
    assert "“The shares <code>f</code> add up to 1.” “No input is changed.”" in feedback_page(one)
    (found,) = json.loads(feedback_json(one))["exercises"][0]["checks"]
    assert found["promises"] == list(promises)
    (test,) = result_of(grade, run)["tests"]
    assert test["output"] == f"they add up\n{said}"
    assert said in message_for_otter(exercise.name, check)
    assert (
        said.removeprefix("The exercise says: ")
        in details_data(entries(of_class), item_statistics(of_class))["texts"]
    )
    (read,) = read_grade_file(grade_file(of_class)).grades
    assert read.exercises[0].checks == (check,)


@pytest.mark.parametrize("hidden", [True, False])
def test_the_evidence_is_in_the_class_page_and_the_grade_file_and_nowhere_else(
    run, make_grade, hidden
):
    evidence = Evidence(call="route([[7331]], 2)", got="[0]: 4242", expected="[0]: 1234321")
    grade = with_check(make_grade(), hidden=hidden, outcome=Outcome.FAILED, message="add up")
    exercise = grade.exercises[0]
    check = replace(exercise.checks[0], evidence=evidence)
    grade = replace(grade, exercises=(replace(exercise, checks=(check,)),))
    one, of_class = feedback(grade, run), ClassGrades(run=run, grades=(grade,))
    secrets = ("7331", "4242", "1234321")
    for text in (html(of_class), grade_file(of_class)):
        assert all(secret in text for secret in secrets)
    (read,) = read_grade_file(grade_file(of_class)).grades
    assert read.exercises[0].checks[0].evidence == evidence
    for text in (
        feedback_page(one),
        feedback_markdown(one),
        feedback_json(one),
        gradescope_results(of_class),
        json.dumps(result_of(grade, run)),
        message_for_otter(exercise.name, check),
        nbformat.writes(verdict_notebook(grade)),
    ):
        assert not any(secret in text for secret in secrets)
