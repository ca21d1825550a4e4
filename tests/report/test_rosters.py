"""Rosters in, Canvas's and Moodle's import files out: in the columns that the platforms write."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from pathlib import Path

import pytest

from autograder.records import ClassGrades, Outcome, Status
from autograder.report.attendance import attendance, whose, with_missing
from autograder.report.files import ReportError
from autograder.report.platforms import canvas_file, moodle_file
from autograder.report.roster import Roster, read_roster

CANVAS = """\ufeffStudent,ID,SIS User ID,SIS Login ID,Section,MoE Router Analysis (98765),Total
,,,,,Manual Posting,(read only)
    Points Possible,,,,,100,(read only)
"Lovelace, Ada",123,S1,ada@example.org,01,,50
"Smith, Bob",124,S2,bob@example.org,01,,
"Ng, Zoë",125,S3,zoe@example.org,02,,
"Student, Test",999,,abc,01,,
"""
MOODLE = """Identifier,"Full name","Email address",Status,Grade,"Maximum grade",\
"Grade can be changed","Last modified (submission)","Last modified (grade)","Feedback comments"
"Participant 123","Ada Lovelace",ada@example.org,"Submitted for grading",-,"10,00",Yes,\
"Friday, 20 November 2026, 10:00 AM",-,
"Participant 124","Bob Smith",bob@example.org,"No submission",-,"10,00",Yes,-,-,
"""
PLAIN = "Name;E-Mail\nAda Lovelace;ada@example.org\nBob Smith;bob@example.org\n"
GRADESCOPE = "First Name,Last Name,SID,Email,Sections\nAda,Lovelace,S1,ada@example.org,\n"


@pytest.fixture
def roster(tmp_path: Path):
    """Read a roster of this text."""

    def read(text: str) -> Roster:
        path = tmp_path / "roster.csv"
        path.write_text(text, encoding="utf-8")
        return read_roster(path)

    return read


@pytest.fixture
def canvas_class(run, make_grade) -> ClassGrades:
    """Ada's two files, of which the second counts, and one of somebody else."""
    old = make_grade("lovelaceada", submission="lovelaceada_123_1_a.ipynb")
    new = make_grade(
        "lovelaceada",
        submission="lovelaceada_123_2_a.ipynb",
        outcomes=(Outcome.PASSED, Outcome.FAILED),
    )
    stranger = make_grade("evemallory", submission="evemallory_7_3_a.ipynb")
    grades = (
        replace(old, identity=("canvas 123",), replaced_by=new.submission),
        replace(new, identity=("canvas 123",)),
        replace(stranger, identity=("canvas 7",)),
    )
    return ClassGrades(run=run, grades=grades)


def named(run, make_grade, *students: str) -> ClassGrades:
    return ClassGrades(run=run, grades=tuple(make_grade(student) for student in students))


def rows(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text, newline="")))


@pytest.mark.parametrize(
    ("text", "kind", "names"),
    [
        (CANVAS, "canvas", ["Lovelace, Ada", "Smith, Bob", "Ng, Zoë"]),
        (MOODLE, "moodle", ["Ada Lovelace", "Bob Smith"]),
        (PLAIN, "plain", ["Ada Lovelace", "Bob Smith"]),
        (GRADESCOPE, "plain", ["Ada Lovelace"]),
    ],
)
def test_rosters_of_every_platform_are_recognised(roster, text, kind, names):
    found = roster(text)
    assert found.kind == kind
    assert [person.name for person in found.people] == names


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is no roster"),
        (b"a,b\n1,2\n", "no column is called Student"),
        (b"Name\n\xff\xfe", "not a CSV file in UTF-8"),
        (b"Name\n" + b'"' + b"x" * 200_000, "not a CSV file"),
    ],
)
def test_a_file_that_is_no_roster_is_one_sentence(tmp_path, content, said):
    path = tmp_path / "roster.csv"
    path.write_bytes(content)
    with pytest.raises(ReportError, match=said) as raised:
        read_roster(path)
    assert "\n" not in str(raised.value)


def test_who_handed_in_nothing_appears_without_points(roster, canvas_class):
    present = attendance(roster(CANVAS), canvas_class)
    whole = with_missing(canvas_class, present)
    assert [grade.student for grade in whole.grades[3:]] == ["Smith, Bob", "Ng, Zoë"]
    missing = whole.grades[-1]
    assert (missing.status, missing.notes) == (Status.ABSENT, ("no submission",))
    assert (missing.submission, missing.score, missing.possible) == ("", 0, 20)
    assert [exercise.name for exercise in missing.exercises] == ["find_router_layers", "route"]
    assert {c.outcome for e in missing.exercises for c in e.checks} == {Outcome.MISSING}


def test_the_file_that_counts_is_the_students_and_others_are_strangers(roster, canvas_class):
    present = attendance(roster(CANVAS), canvas_class)
    assert present.people[0][1].submission == "lovelaceada_123_2_a.ipynb"
    assert [grade.student for grade in present.strangers] == ["evemallory"]


@pytest.mark.parametrize(
    "student", ["Ada Lovelace", "lovelaceada", "ada_lovelace", "Lovelace Ada", "ada"]
)
def test_students_are_known_by_name_login_or_address(roster, run, make_grade, student):
    present = attendance(roster(CANVAS), named(run, make_grade, student))
    assert present.people[0][1].student == student


def test_accents_do_not_matter(roster, run, make_grade):
    present = attendance(roster(CANVAS), named(run, make_grade, "ngzoe"))
    assert present.people[2][1].student == "ngzoe"


def test_what_fits_two_people_decides_nothing(roster, run, make_grade):
    twice = roster("Name,Email\nAda Li,a1@example.org\nAda Li,a2@example.org\n")
    present = attendance(twice, named(run, make_grade, "Ada Li", "a2"))
    assert [grade and grade.student for _, grade in present.people] == [None, "a2"]
    assert [grade.student for grade in present.strangers] == ["Ada Li"]


def test_each_member_of_a_group_gets_its_grade(roster, run, make_grade):
    known = ("gradescope 9", "email Ada@example.org", "name Bob Smith")
    grade = replace(make_grade("Ada Lovelace, Bob Smith"), identity=known)
    present = attendance(roster(PLAIN), ClassGrades(run=run, grades=(grade,)))
    assert present.people[0][1] == grade
    assert present.strangers == ()


def test_canvas_gets_its_own_columns_and_the_assignments_name(roster, canvas_class):
    people = roster(CANVAS)
    text = canvas_file(canvas_class, people, attendance(people, canvas_class))
    assert rows(text) == [
        ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", "MoE Router Analysis (98765)"],
        ["    Points Possible", "", "", "", "", "20"],
        ["Lovelace, Ada", "123", "S1", "ada@example.org", "01", "10"],
        ["Smith, Bob", "124", "S2", "bob@example.org", "01", ""],
        ["Ng, Zoë", "125", "S3", "zoe@example.org", "02", ""],
    ]


def test_without_a_roster_canvas_gets_the_ids_of_the_file_names(canvas_class):
    table = rows(canvas_file(canvas_class))
    assert table[0][-1] == "moe_router_analysis"
    assert [row[1] for row in table[2:]] == ["123", "7"]


def test_moodles_worksheet_comes_back_filled_in_and_scaled(roster, run, make_grade):
    people = roster(MOODLE)
    grade = make_grade("Ada Lovelace", outcomes=(Outcome.PASSED, Outcome.FAILED))
    one = ClassGrades(run=run, grades=(replace(grade, identity=("moodle 123",)),))
    header, ada = rows(moodle_file(one, people, attendance(people, one)))
    assert header == rows(MOODLE)[0]
    filled = dict(zip(header, ada, strict=True))
    assert filled["Identifier"] == "Participant 123"
    assert filled["Grade"] == "5"
    assert filled["Last modified (grade)"] == "-"
    assert filled["Feedback comments"] == "find_router_layers: 10 of 10; route: 0 of 10"


def test_without_a_worksheet_moodle_gets_participants(run, make_grade):
    one = replace(make_grade("Ada"), identity=("moodle 123",))
    header, row = rows(moodle_file(ClassGrades(run=run, grades=(one,))))
    assert {"Identifier", "Grade", "Last modified (grade)"} <= set(header)
    assert row[:5] == ["Participant 123", "Ada", "", "20", "20"]


def test_a_plain_roster_is_enough_for_moodle(roster, run, make_grade):
    people = roster(PLAIN)
    one = named(run, make_grade, "ada")
    _, row = rows(moodle_file(one, people, attendance(people, one)))
    assert row[:4] == ["", "Ada Lovelace", "ada@example.org", "20"]


@pytest.mark.parametrize("writer", [canvas_file, moodle_file])
def test_a_platform_that_knows_nobody_is_one_sentence(writer, small_class):
    with pytest.raises(ReportError, match="as --roster"):
        writer(small_class)


def test_no_cell_is_a_formula(roster, run, make_grade):
    hostile = roster('Student,ID,Section\n"=cmd|\' /c calc\'!A1",1,+2\n"@SUM(A1)",2,\n')
    grade = replace(make_grade("-1+1"), identity=("canvas 1",))
    one = ClassGrades(run=run, grades=(grade,))
    present = attendance(hostile, one)
    for text in (canvas_file(one, hostile, present), canvas_file(one)):
        for row in rows(text):
            assert not any(cell.startswith(("=", "+", "@", "-")) for cell in row)


@pytest.mark.parametrize("name", ["Ng, Zoë", "zoe@example.org", "Zoe Ng", "ngzoe"])
def test_who_is_meant_by_a_name_may_have_handed_in_nothing(roster, canvas_class, name):
    found = whose(roster(CANVAS), canvas_class, name)
    assert (found.submission, found.score) == ("", 0)
    assert found.possible == canvas_class.grades[0].possible


def test_nobody_or_several_are_not_mixed_up(roster, run, make_grade):
    twice = roster("Name,Email\nAda Li,a1@x.org\nAda Li,a2@x.org\n")
    of_class = named(run, make_grade, "a2")
    assert whose(twice, of_class, "Max") is None
    assert whose(twice, of_class, "a2@x.org").submission == of_class.grades[0].submission
    with pytest.raises(ReportError, match="'Ada Li' fits 2 people of the roster"):
        whose(twice, of_class, "Ada Li")
