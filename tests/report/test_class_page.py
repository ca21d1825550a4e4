"""The class report as a file: what it holds, its size, its policy, and the pictures beside it."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import struct
from dataclasses import replace

import pytest

from autograder.records import CheckResult, ClassGrades, Evidence, Outcome
from autograder.report.class_page.details import details_data
from autograder.report.class_page.entries import entries
from autograder.report.class_page.html import PAGE_LIMIT, html, write_html
from autograder.report.class_page.misconceptions import misconceptions
from autograder.report.items import item_statistics
from autograder.report.naming import safe_name
from autograder.report.overview import times
from autograder.report.page import prose, words
from autograder.report.pictures import picture
from autograder.report.review import to_review

PIXELS = (
    b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sIIBBBBB", 13, b"IHDR", 4, 3, 8, 2, 0, 0, 0) + b"-" * 16
)


def data_of(page: str) -> dict:
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)
    return json.loads(found[1])


def with_messages(class_grades: ClassGrades, message: str) -> ClassGrades:
    """The class with a message of its own for each check that did not pass."""
    grades = []
    for number, grade in enumerate(class_grades.grades):
        exercises = []
        for exercise in grade.exercises:
            checks = [
                replace(check, outcome=Outcome.FAILED, message=f"{number} {check.name} {message}")
                for check in exercise.checks
            ]
            exercises.append(replace(exercise, checks=tuple(checks)))
        grades.append(replace(grade, exercises=tuple(exercises)))
    return replace(class_grades, grades=tuple(grades))


@pytest.fixture(scope="module")
def page_of_300(class_of_300) -> str:
    return html(class_of_300)


@pytest.mark.slow
def test_a_class_of_300_is_less_than_two_megabytes(class_of_300, page_of_300):
    page = page_of_300
    assert len(page.encode()) < PAGE_LIMIT
    data = data_of(page)
    assert len(data["submissions"]) == 300
    checks = sum(len(exercise.checks) for exercise in class_of_300.grades[0].exercises)
    assert sum(len(checks) for _, checks in data["exercises"]) == checks > 50


@pytest.mark.slow
def test_also_when_every_check_fails_with_a_long_message_of_its_own(class_of_300):
    page = html(with_messages(class_of_300, "<&\u20ac>" * 60))
    assert len(page.encode()) < PAGE_LIMIT
    assert "Long messages are cut" in page
    assert any(text.startswith("299 ") for text in data_of(page)["texts"])


def with_evidence(class_grades: ClassGrades, text: str) -> ClassGrades:
    """The class with evidence of its own for each check that did not pass."""

    def seen(number: int, check: CheckResult) -> CheckResult:
        said = f"{number} {check.name} {text}"
        evidence = Evidence(call=f"{check.name}({text})", got=said, expected=text)
        return check if check.outcome is Outcome.PASSED else replace(check, evidence=evidence)

    return replace(
        class_grades,
        grades=tuple(
            replace(
                grade,
                exercises=tuple(
                    replace(one, checks=tuple(seen(number, check) for check in one.checks))
                    for one in grade.exercises
                ),
            )
            for number, grade in enumerate(class_grades.grades)
        ),
    )


@pytest.mark.slow
def test_evidence_is_in_the_page_and_cut_or_left_out_where_it_would_be_too_much(class_of_300):
    whole = html(with_evidence(class_of_300, "0.5, 0.25"))
    assert "Long messages are cut" not in whole
    assert len(whole.encode()) < PAGE_LIMIT
    cut = html(with_evidence(class_of_300, "1.5, " * 40))
    assert "Long messages are cut" in cut
    assert len(cut.encode()) < PAGE_LIMIT
    hopeless = with_messages(with_evidence(class_of_300, "2.5, " * 200), "<&\u20ac>" * 60)
    page = html(hopeless)
    assert len(page.encode()) < PAGE_LIMIT
    assert not [t for t in data_of(page)["texts"] if "2.5" in t]


@pytest.mark.slow
def test_messages_that_fit_are_not_cut(class_of_300, page_of_300):
    page = page_of_300
    assert "Long messages are cut" not in page
    said = {c.message for g in class_of_300.grades for e in g.exercises for c in e.checks}
    assert said <= set(data_of(page)["texts"])


@pytest.mark.slow
def test_the_page_loads_nothing_and_runs_its_own_script_alone(page_of_300):
    page = page_of_300
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', page)[1]
    assert policy.startswith("default-src &#39;none&#39;; ")
    assert "unsafe" not in policy
    assert not re.search(
        r"\s(src|style|on\w+)=", re.sub("<script.*?</script>", "", page, flags=re.DOTALL)
    )
    assert all(link.startswith("#") for link in re.findall(r'href="([^"]*)"', page))
    for tag in ("style", "script"):
        text = re.search(rf"<{tag}>(.*?)</{tag}>", page, re.DOTALL)[1]
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{tag}-src &#39;sha256-{digest}&#39;" in policy.replace("&#43;", "+")


def test_the_details_hold_every_check_of_every_submission(small_class):
    data = details_data(entries(small_class), item_statistics(small_class))
    ada, bob, zoe = data["submissions"]
    assert [one["f"] for one in (ada, bob, zoe)] == ["ada.ipynb", "bob.ipynb", "zoe.ipynb"]
    assert [one["o"] for one in (ada, bob, zoe)] == ["ppff", "ggtt", "pppp"]
    assert zoe["t"] == []
    said = [[data["texts"][number] for number in numbers] for _, *numbers in ada["t"]]
    assert said[1] == ["hidden_check: failed", "Divides by the tokens.", "", ""]
    assert ada["x"] == ["10 / 10", "0 / 10"]


def test_misconceptions_are_counted_by_submission_and_sorted(run, make_grade):
    wrong = (Outcome.FAILED, Outcome.PASSED)
    both = (Outcome.FAILED, Outcome.FAILED)
    older = replace(make_grade(submission="old.ipynb", outcomes=both), replaced_by="x")
    grades = (make_grade("ada", outcomes=wrong), older, make_grade("bob", outcomes=both))
    found = misconceptions(entries(ClassGrades(run=run, grades=grades)))
    assert [(slip.exercise, len(slip.shown_by)) for slip in found] == [
        ("find_router_layers", 2),
        ("route", 1),
    ]


def test_what_needs_review_comes_first_and_says_why(run, make_grade):
    fine, broken = Outcome.PASSED, Outcome.GRADER_ERROR
    grades = (
        make_grade("ada", outcomes=(Outcome.DIED, fine)),
        make_grade("bob", outcomes=(fine, fine), readable=False, notes=("it is a pipe",)),
        make_grade("cem", outcomes=(fine, broken)),
        make_grade("dan", outcomes=(fine, Outcome.FAILED)),
    )
    found = to_review(entries(ClassGrades(run=run, grades=grades)))
    assert [one.entry.grade.student for one in found] == ["cem", "bob", "ada"]
    assert found[0].why == "route: public_check: grader_error (and 1 more check)"
    assert found[1].why == "it is a pipe"


def test_times_are_counted_in_round_steps(run, make_grade, class_of_300):
    assert times(ClassGrades(run=run, grades=())) is None
    one = times(ClassGrades(run=run, grades=(make_grade(),)))
    assert (one.median, sum(one.bins)) == (1.0, 1)
    many = times(class_of_300)
    assert sum(many.bins) == sum(grade.readable for grade in class_of_300.grades)
    assert 5 <= len(many.bins) <= 12
    assert many.start + len(many.bins) * many.step >= many.slowest[0][0]


@pytest.mark.slow
def test_plots_are_files_beside_the_page_and_shown_by_exercise(class_with_pictures, tmp_path):
    page = write_html(class_with_pictures, tmp_path / "report").read_text(encoding="utf-8")
    shown = re.findall(r'<img src="([^"]*)"[^>]* loading="lazy"[^>]* alt="([^"]+)"', page)
    pictures = [e.picture for g in class_with_pictures.grades for e in g.exercises if e.picture]
    assert len(shown) == len(pictures) >= 20
    written = {(tmp_path / "report" / file).read_bytes() for file, _ in shown}
    assert written == set(pictures)
    assert all(re.fullmatch(r"pictures/[a-z_]+/s\d+-[a-z0-9-]+\.png", file) for file, _ in shown)


def test_only_a_png_of_sensible_size_is_a_picture():
    assert (picture(PIXELS).width, picture(PIXELS).height) == (4, 3)
    huge = PIXELS[:16] + struct.pack(">II", 60_000, 60_000) + PIXELS[24:]
    for data in (b"", b"<svg onload=alert(1)>", PIXELS[:20], huge, PIXELS + b"-" * (4 << 20)):
        assert picture(data) is None


def test_a_picture_that_is_none_is_left_out(run, make_grade, tmp_path):
    grade = make_grade("../../ada")
    first = replace(grade.exercises[0], name="../../x", picture=b"<svg onload=alert(1)>")
    second = replace(grade.exercises[1], name="../y", picture=PIXELS)
    hostile = replace(grade, exercises=(first, second))
    write_html(ClassGrades(run=run, grades=(hostile,)), tmp_path / "report")
    written = list(tmp_path.rglob("*.png"))
    assert len(written) == 1
    assert written[0].is_relative_to(tmp_path / "report" / "pictures")


@pytest.mark.parametrize("name", ["ada", "ada_lovelace-2", "a", "0"])
def test_plain_names_stay_as_they_are(name):
    assert safe_name(name) == name


def test_names_that_differ_give_different_safe_files():
    names = [
        *("Ada", "ada", "ADA", "áda", "a/da", "../ada", "con", "nul", "", ".", "..", "a" * 300),
        *("a\x00b", "a\u202eb", "\ud800", "ada ", " ada", "ada.", "com1", "-", "_", "日本"),
        safe_name("Ada"),
        "a" * 301,
    ]
    safe = [safe_name(name) for name in names]
    assert len({name.casefold() for name in safe}) == len(names)
    for name in safe:
        assert re.fullmatch(r"[a-z0-9_][a-z0-9_-]{0,90}", name)
        assert name not in ("con", "nul", "com1")


def test_names_of_slips_become_words_and_code_is_marked():
    assert words("divides_by_tokens") == "Divides by tokens"
    assert words("Divides by the tokens.") == "Divides by the tokens."
    assert prose("use `a < b` & c") == "use <code>a &lt; b</code> &amp; c"


def test_who_handed_in_nothing_is_listed_but_not_up_for_review(run, make_grade):
    missing = make_grade("bob", submission="", readable=False)
    class_grades = ClassGrades(run=run, grades=(make_grade("ada"), missing))
    assert to_review(entries(class_grades)) == ()
    page = html(class_grades)
    assert "<strong>1</strong><span>submission</span>" in page
    assert "<strong>1</strong><span>absent</span>" in page
