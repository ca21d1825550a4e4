"""Rosters in, Canvas's and Moodle's import files out: in the columns that the platforms write."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from autograder.records import WHICH_FILE, ClassGrades, Enrolment, Outcome, Status
from autograder.report.class_page.entries import entries
from autograder.report.files import ReportError
from autograder.report.lms.attendance import attendance, enrolled, whose
from autograder.report.lms.platforms import canvas_file, moodle_file
from autograder.report.lms.roster import Roster, read_roster
from autograder.report.review import needs_a_person, to_review
from autograder.report.table import table
from autograder.report.terminal import summary

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
    people = roster(CANVAS)
    whole = enrolled(people, canvas_class, attendance(people, canvas_class))
    assert [grade.student for grade in whole.grades[3:]] == ["Smith, Bob", "Ng, Zoë"]
    missing = whole.grades[-1]
    assert missing.status is Status.ABSENT
    assert missing.notes == ("no submission by this name, but 1 file fits nobody in the roster",)
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
    found = whose(roster(CANVAS), canvas_class, name).grade
    assert (found.submission, found.score) == ("", 0)
    assert found.possible == canvas_class.grades[0].possible


def test_nobody_or_several_are_not_mixed_up(roster, run, make_grade):
    twice = roster("Name,Email\nAda Li,a1@x.org\nAda Li,a2@x.org\n")
    of_class = named(run, make_grade, "a2")
    assert whose(twice, of_class, "Max") is None
    assert whose(twice, of_class, "a2@x.org").grade.submission == of_class.grades[0].submission
    with pytest.raises(ReportError, match="'Ada Li' fits 2 people of the roster"):
        whose(twice, of_class, "Ada Li")


def by_roster(people: Roster, of_class: ClassGrades) -> ClassGrades:
    return enrolled(people, of_class, attendance(people, of_class))


def test_reports_call_students_as_the_roster_does(roster, canvas_class):
    old, new, stranger, *_ = by_roster(roster(CANVAS), canvas_class).grades
    assert old.student == new.student == "Lovelace, Ada"
    assert new.enrolment == Enrolment(email="ada@example.org", number="S1", section="01")
    assert (old.counts, new.counts) == (False, True)
    assert stranger.student == "evemallory"
    assert stranger.notes[-1].startswith("nobody in the roster fits this file")


def test_a_file_of_nobody_in_the_roster_asks_for_a_person(roster, canvas_class):
    whole = by_roster(roster(CANVAS), canvas_class)
    assert needs_a_person(whole)
    console = Console(file=io.StringIO(), width=200)
    console.print(summary(whole))
    said = "1 submission of nobody in the roster: evemallory_7_3_a.ipynb."
    assert said in console.file.getvalue()
    (first, *_) = to_review(entries(whole))
    assert (first.entry.grade.student, first.says) == ("evemallory", "not in roster")


def test_the_table_names_everybody_in_the_roster_once(roster, canvas_class):
    text = table(by_roster(roster(CANVAS), canvas_class))
    found = list(csv.DictReader(io.StringIO(text, newline="")))
    counting = [row for row in found if row["counts"] == "true"]
    assert [(row["student"], row["status"]) for row in counting] == [
        ("Lovelace, Ada", "graded"),
        ("evemallory", "graded"),
        ("Smith, Bob", "absent"),
        ("Ng, Zoë", "absent"),
    ]
    assert [(row["id"], row["email"], row["section"]) for row in counting][3] == (
        *("S3", "zoe@example.org", "02"),
    )


def test_of_two_files_that_turn_out_to_be_one_students_the_better_one_counts(
    roster, run, make_grade
):
    worse = make_grade("ada", outcomes=(Outcome.PASSED, Outcome.FAILED))
    better = make_grade("Ada Lovelace")
    of_class = ClassGrades(run=run, grades=(worse, better))
    first, second, bob = by_roster(roster(PLAIN), of_class).grades
    assert first.student == second.student == "Ada Lovelace"
    assert (first.replaced_by, second.replaced_by) == (better.submission, "")
    assert second.notes[-1].startswith(WHICH_FILE)
    assert second.status is Status.NEEDS_REVIEW
    assert bob.status is Status.ABSENT


def test_namesakes_are_told_apart(roster, run, make_grade):
    twice = roster("Name,Email\nAda Li,a1@x.org\nAda Li,a2@x.org\n")
    found = by_roster(twice, named(run, make_grade, "a1", "a2"))
    assert [grade.student for grade in found.grades] == ["Ada Li (a1@x.org)", "Ada Li (a2@x.org)"]


def of_moodle(make_grade, student: str, identity: str):
    return replace(make_grade(student), identity=(identity,))


@pytest.mark.parametrize(
    ("student", "number", "is_ada"),
    [
        ("Ada Lovelace", 123, True),
        ("Lovelace Ada", 123, True),
        ("Ada King Lovelace", 123, True),
        ("Tutorial 3-Ada Lovelace", 123, True),
        ("Ada Lovelace_123", 123, True),
        ("Red Owls", 123, False),
        ("Lovelace", 123, False),
        ("Red Owls-Bob Smith", 123, False),
    ],
)
def test_a_number_of_moodles_counts_beside_the_participants_name_alone(
    roster, run, make_grade, student, number, is_ada
):
    grade = of_moodle(make_grade, student, f"moodle {number}")
    present = attendance(roster(MOODLE), ClassGrades(run=run, grades=(grade,)))
    assert [found is grade for _, found in present.people] == [is_ada, False]
    assert present.strangers == (() if is_ada else (grade,))


def test_where_moodle_grades_without_names_the_number_decides(roster, run, make_grade):
    blind = roster("Identifier,Status,Grade\nParticipant 17,,\nParticipant 18,,\n")
    found = [of_moodle(make_grade, f"Participant_{n}", f"moodle {n}") for n in (17, 18)]
    team = of_moodle(make_grade, "Group A", "moodle_group 17")
    present = attendance(blind, ClassGrades(run=run, grades=(*found, team)))
    assert [grade for _, grade in present.people] == found
    assert present.strangers == (team,)


def test_a_worksheet_without_the_groups_gives_no_participant_a_grade(roster, run, make_grade):
    people = roster(MOODLE)
    teams = (
        of_moodle(make_grade, "Group A", "moodle_group 123"),
        of_moodle(make_grade, "Red Owls", "moodle 124"),
    )
    of_class = ClassGrades(run=run, grades=teams)
    present = attendance(people, of_class)
    assert [grade for _, grade in present.people] == [None, None]
    assert len(rows(moodle_file(of_class, people, present))) == 1
    ada, bob = by_roster(people, of_class).grades[2:]
    assert ada.notes == (
        "no submission could be matched, but Moodle's worksheet says that there is one",
    )
    assert bob.notes == ("no submission by this name, but 2 files fit nobody in the roster",)


def test_a_roster_with_groups_gives_each_member_the_grade_of_the_team(roster, run, make_grade):
    people = roster(
        "First name,Last name,Email address,Groups\nAda,Lovelace,ada@x.org,Group A\n"
        'Bob,Smith,bob@x.org,"Tuesday, Group A"\nZoë,Ng,zoe@x.org,Group B\n'
    )
    team = of_moodle(make_grade, "Group A", "moodle_group 17")
    of_class = ClassGrades(run=run, grades=(team,))
    found, zoe = by_roster(people, of_class).grades
    assert found.student == "Ada Lovelace, Bob Smith"
    assert found.email == "ada@x.org, bob@x.org"
    assert (zoe.student, zoe.status) == ("Zoë Ng", Status.ABSENT)
