"""`moelab demo` shows, in one class, what the grader does with every kind of submission."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from canaries import birds_that_sang, hang_canaries

pytestmark = [pytest.mark.slow, pytest.mark.sandbox]

TOYS = Path(__file__).resolve().parents[1] / "courses" / "toycourse"
HOSTILE = ("forges_comparisons", "forges_the_grader", "reads_secrets", "starts_processes")
DAMAGED = ("ends_python", "endless_function", "takes_all_memory")
UNHARMED = ("endless_cell", "raises_in_a_cell", "syntax_error")


@pytest.fixture(scope="module")
def shown(moelab, tmp_path_factory) -> tuple[Path, str]:
    """The demo's folder, and what it printed. It is made where every module is a canary."""
    place = tmp_path_factory.mktemp("demo")
    out, here = place / "out", place / "here"
    here.mkdir()
    hang_canaries(here, place / "sprung")
    ended = moelab("demo", "--out", out, "--course", TOYS, cwd=here)
    assert ended.status == 0, ended.err
    assert "Traceback" not in ended.err
    return out, ended.out


@pytest.fixture(scope="module")
def grades(shown) -> dict[str, dict]:
    content = json.loads((shown[0] / "grades.json").read_text(encoding="utf-8"))
    return {grade["student"]: grade for grade in content["grades"]}


def test_nothing_is_imported_from_the_current_folder(shown):
    assert birds_that_sang(shown[0].parent / "sprung") == []


def test_the_class_is_large_enough_to_show_something(shown, grades):
    out, _ = shown
    assert len(list((out / "submissions").iterdir())) == len(grades) >= 24


def test_everything_that_was_promised_is_written(shown):
    out, printed = shown
    for name in ("gradebook.db", "grades.json", "grades.csv", "README.md", "report/index.html"):
        assert (out / name).stat().st_size > 0
    assert str(out / "report" / "index.html") in printed


def test_the_summary_fits_eighty_columns(shown):
    out, printed = shown
    lines = [line for line in printed.splitlines() if str(out) not in line]
    assert max(map(len, lines)) <= 80


def test_the_guide_tells_what_each_file_is(shown):
    out, _ = shown
    guide = (out / "README.md").read_text(encoding="utf-8")
    for path in (out / "submissions").iterdir():
        assert f"| `{path.name}` |" in guide


def test_right_answers_in_every_form_earn_every_point(grades):
    right = [grade for student, grade in grades.items() if student.startswith("right_")]
    assert len(right) >= 6
    assert {grade["score"] for grade in right} == {11.0}


@pytest.mark.parametrize("student", ["blank", "returns_nothing", *HOSTILE, "fills_the_disk"])
def test_attacks_and_empty_answers_earn_nothing(grades, student):
    assert grades[student]["score"] == 0.0
    assert grades[student]["status"] == "graded"


@pytest.mark.parametrize("student", UNHARMED)
def test_a_cell_that_goes_wrong_does_not_stop_the_others(grades, student):
    assert grades[student]["score"] == 11.0


@pytest.mark.parametrize("student", DAMAGED)
def test_a_function_that_goes_wrong_costs_its_own_exercise_alone(grades, student):
    lost = [e for e in grades[student]["exercises"] if e["score"] < e["possible"]]
    assert [exercise["name"] for exercise in lost] == ["busiest_expert"]
    assert lost[0]["score"] == 0.0


def test_a_slip_costs_some_points(grades):
    slips = [grade["score"] for student, grade in grades.items() if student.startswith("slip")]
    assert len(slips) >= 5
    assert all(0 < score < 11.0 for score in slips)


@pytest.mark.parametrize("student", ["torn", "web_page"])
def test_what_cannot_be_read_says_why(grades, student):
    assert grades[student]["status"] == "unreadable"
    assert grades[student]["notes"]


def test_the_report_of_the_sample_class_is_open_to_everyone(shown, visitor, look):
    with visitor.open(shown[0] / "report" / "index.html", **look) as page:
        assert page.get_by_role("row").count() > 27
        assert visitor.barriers(page) == []


def test_each_student_of_the_sample_class_gets_feedback(shown, grades, visitor, look):
    folders = [path for path in (shown[0] / "feedback").iterdir() if path.is_dir()]
    assert len(folders) == len(grades)
    with visitor.open(shown[0] / "feedback" / "slips_everywhere" / "feedback.html", **look) as page:
        assert page.get_by_text("Feedback for slips_everywhere").is_visible()
        assert visitor.barriers(page) == []
