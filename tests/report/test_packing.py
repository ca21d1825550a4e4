"""Feedback packed for Moodle, for Canvas and for mailing: each page for one student, alone."""

from __future__ import annotations

import csv
import io
import re
import zipfile
from dataclasses import replace

import pytest

from autograder.records import ClassGrades, Evidence, Outcome
from autograder.report.feedback.packing import feedback_zip
from autograder.report.lms.attendance import attendance, enrolled
from autograder.report.lms.roster import read_roster

WORKSHEET = """Identifier,Full name,Email address,Status,Grade,Maximum grade,Groups
Participant 4711,Ada Lovelace,ada@example.org,Submitted,,10,Red
Participant 4712,Bob _ O/Neil,bob@example.org,Submitted,,10,Red
Participant 4713,Zoë Ng,zoe@example.org,-,,10,
"""


def members(data: bytes) -> dict[str, str]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name: archive.read(name).decode("utf-8") for name in archive.namelist()}


def participant_by_moodle(path: str) -> tuple[str, str, str, str]:
    """What `importziplib.php` reads out of a path: participant, plugin's two names, file."""
    first, _, rest = path.partition("/")
    _, number, kind, plugin, left = first.split("_", 4)
    return number, kind, plugin, left + rest


@pytest.fixture
def of_moodle(run, make_grade, tmp_path):
    (tmp_path / "worksheet.csv").write_text(WORKSHEET, encoding="utf-8")
    roster = read_roster(tmp_path / "worksheet.csv")
    team = replace(make_grade("Red", submission="red/lab.ipynb"), identity=("moodle_group 9",))
    plain = ClassGrades(run=run, grades=(team,))
    present = attendance(roster, plain)
    return enrolled(roster, plain, present), present


def test_moodle_finds_every_member_of_a_team_by_the_participants_number(of_moodle):
    packed = feedback_zip("moodle", *of_moodle)
    found = [participant_by_moodle(path) for path in members(packed.data)]
    assert found == [
        ("4711", "assignsubmission", "file", "feedback.html"),
        ("4712", "assignsubmission", "file", "feedback.html"),
    ]
    assert packed.left_out == ()


def test_without_a_roster_moodles_own_numbers_are_used(run, make_grade):
    ada = replace(make_grade("Ada"), identity=("moodle 4711",))
    class_grades = ClassGrades(run=run, grades=(ada, make_grade("bob")))
    packed = feedback_zip("moodle", class_grades)
    assert list(members(packed.data)) == ["Ada_4711_assignsubmission_file_/feedback.html"]
    assert packed.left_out == ("bob",)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("lovelaceada_123_456_lab.ipynb", "lovelaceada_123_456_lab-feedback.html"),
        ("lovelaceada_LATE_123_456_my_2_lab.ipynb", "lovelaceada_LATE_123_456_my-2-lab-feedback"),
        ("week 1/lovelaceada_123_456_lab-1.ipynb", "lovelaceada_123_456_lab-1-feedback.html"),
        ("anon_x3Yz9_456_lab.ipynb", "anon_x3Yz9_456_lab-feedback.html"),
    ],
)
def test_canvas_finds_user_and_attachment_in_the_name(run, make_grade, name, expected):
    grade = replace(make_grade("lovelaceada", submission=name), identity=("canvas 123",))
    (path,) = members(feedback_zip("canvas", ClassGrades(run=run, grades=(grade,))).data)
    assert path.startswith(expected)
    numbers = [part for part in path.split("_") if part.isdecimal()]
    assert numbers[:2] in (["123", "456"], ["456"])


def test_for_mailing_there_is_a_row_for_each_address_and_its_page_beside(of_moodle):
    found = members(feedback_zip("mail", *of_moodle).data)
    rows = list(csv.DictReader(io.StringIO(found.pop("mail-merge.csv"))))
    assert [(row["name"], row["email"]) for row in rows] == [
        ("Ada Lovelace", "ada@example.org"),
        ("Bob _ O/Neil", "bob@example.org"),
    ]
    assert {row["attachment"] for row in rows} == set(found)


def test_a_page_needs_no_other_file_and_holds_nothing_that_is_for_instructors(
    run, make_grade, class_with_pictures
):
    drawn = feedback_zip("mail", _with_addresses(class_with_pictures))
    for page in members(drawn.data).values():
        assert not re.findall(r"""(?:src|href)=["'](?!#|data:)""", page)
    grade = make_grade("ada", outcomes=(Outcome.FAILED, Outcome.FAILED))
    secret = Evidence(call="CANARY_CALL", got="CANARY_GOT", expected="CANARY_EXPECTED")
    exercises = tuple(
        replace(
            one,
            code="CANARY_CODE = 1",
            checks=tuple(replace(check, evidence=secret) for check in one.checks),
        )
        for one in grade.exercises
    )
    identity = ("canvas 1", "moodle 2", "email a@example.org")
    grade = replace(grade, submission="ada_1_22_lab.py", identity=identity, exercises=exercises)
    for kind in ("moodle", "canvas", "mail"):
        found = members(feedback_zip(kind, ClassGrades(run=run, grades=(grade,))).data)
        assert found
        assert "CANARY" not in "".join((*found, *found.values()))


def _with_addresses(class_grades: ClassGrades) -> ClassGrades:
    grades = (
        replace(grade, identity=(f"email {number}@example.org",))
        for number, grade in enumerate(class_grades.grades)
    )
    return replace(class_grades, grades=tuple(grades))
