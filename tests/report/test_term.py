"""A whole term: 120 students, three assignments, and the table of grades that was written before.

`term_of_120.csv` follows from the rules below by arithmetic with fractions, without moelab. Files
are late or not, some have more time, a check turns out to be void, some files are graded again, and
people set points. What comes out is the table, and no student's page holds what is for instructors.
"""

from __future__ import annotations

import csv
import io
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from autograder.cli.main import run as moelab
from autograder.gradebook import Adjustment, Gradebook
from autograder.gradebook.desk import Desk
from autograder.records import CheckResult, Evidence, ExerciseGrade, Grade, Outcome, Run

ASSIGNMENTS = ("one", "two", "three")
STUDENTS = 120
DUE = datetime(2026, 11, 20, 17, 0, tzinfo=UTC)
LATE = (-1, 1 / 6, 1, 25, 80, None)  # hours; the last one's time is not known
PASSED, FAILED = Outcome.PASSED, Outcome.FAILED
OUTCOMES = ((PASSED, PASSED), (PASSED, FAILED), (FAILED, PASSED), (FAILED, FAILED))
CANARIES = ("CANARY_CALL", "CANARY_GOT", "CANARY_EXPECTED", "CANARY_CODE")

POLICY = """
timezone = "Europe/Berlin"
[late]
percent_per_day = 10
grace = "15 min"
cap = 30
[term]
drop_lowest = 1
[[extensions]]
section = "B"
assignment = "two"
until = 2026-11-21T18:00:00
why = "the room was closed"
"""
EXTENSION = """
[[extensions]]
student = "s{:03}@example.org"
assignment = "one"
days = 2
why = "ill"
"""


def handed_in(number: int, place: int, outcomes=None) -> Grade:
    """One student's file, as it is graded at first."""
    hours = LATE[number % len(LATE)]
    seen = Evidence(call=CANARIES[0], got=CANARIES[1], expected=CANARIES[2])
    exercises = tuple(
        ExerciseGrade(
            name=name,
            code=CANARIES[3],
            checks=tuple(
                CheckResult(
                    name=check,
                    title=f"Title of {check}",
                    hidden=check == "hidden_check",
                    points=points,
                    outcome=outcome,
                    message="" if outcome is PASSED else "the shares do not add up",
                    evidence=None if outcome is PASSED else seen,
                )
                for check, points in (("public_check", 2.0), ("hidden_check", 8.0))
            ),
        )
        for name, outcome in zip(
            ("find_router_layers", "route"), outcomes or OUTCOMES[(number + place) % 4], strict=True
        )
    )
    return Grade(
        student=f"student {number:03}",
        submission=f"{number:03}_lab.ipynb",
        digest=f"sha256:{number}",
        exercises=exercises,
        identity=(f"email s{number:03}@example.org", f"moodle {1000 + number}"),
        submitted=None if hours is None else DUE + timedelta(hours=hours),
    )


@pytest.fixture(scope="module")
def term(tmp_path_factory) -> Path:
    """A folder with the term's gradebook, its roster and its policy."""
    folder = tmp_path_factory.mktemp("term")
    rows = [f"student {n:03},s{n:03}@example.org,{'AB'[n % 2]}" for n in range(STUDENTS)]
    (folder / "roster.csv").write_text("\n".join(["Name,Email,Section", *rows]) + "\n")
    due = "".join(f"[assignments.{name}]\ndue = 2026-11-20T18:00:00\n" for name in ASSIGNMENTS)
    more = "".join(EXTENSION.format(n) for n in range(7, STUDENTS, 10))
    (folder / "policy.toml").write_text(POLICY + due + more)
    with Gradebook.open(str(folder / "gradebook.db")) as book:
        for place, name in enumerate(ASSIGNMENTS):
            run = Run(
                assignment=name,
                course_revision="rev-1",
                seed="a seed",
                isolation="namespaces",
                models=("tiny",),
            )
            number = book.start_run(run)
            for n in range(STUDENTS):
                if name != "three" or n % 30 != 11:
                    book.record(number, handed_in(n, place))
            if name == "two":
                again = book.start_run(run, regrade=True)
                for n in range(3, STUDENTS, 15):
                    book.record(again, handed_in(n, place, (PASSED, PASSED)))
            if name == "one":
                for n in range(5, STUDENTS, 20):
                    five = Adjustment(
                        exercise="find_router_layers",
                        points=5,
                        who="Prof. Berg",
                        why="explained in person",
                        made=datetime.now(UTC),
                    )
                    book.adjust(name, f"student {n:03}", five)
        Desk(book, "three", "Prof. Berg").void("route", "hidden_check", "it was unclear", void=True)
    return folder


def reported(term: Path, *options: str) -> int:
    roster = ("--roster", str(term / "roster.csv"))
    return moelab(["report", str(term / "gradebook.db"), *roster, *options])


@pytest.mark.slow
def test_the_term_comes_out_as_it_was_worked_out_before(term):
    policy, table = str(term / "policy.toml"), term / "term.csv"
    assert reported(term, "--policy", policy, "--term", str(table)) == 0
    with table.open(encoding="utf-8", newline="") as file:
        found = list(csv.DictReader(file))
    expected = csv.DictReader(io.StringIO(Path(__file__).with_name("term_of_120.csv").read_text()))
    columns = ("email", *ASSIGNMENTS, "dropped", "total")
    assert [tuple(row[name] for name in columns) for row in found] == [
        tuple(row[name] for name in columns) for row in expected
    ]
    assert len(found) == STUDENTS


@pytest.mark.slow
def test_feedback_of_the_term_holds_nothing_that_is_for_instructors(term, capsys):
    out, page = term / "feedback.zip", term / "page"
    options = ("--assignment", "one", "--feedback-zip", f"mail={out}", "--html", str(page))
    assert reported(term, *options) == 0
    with zipfile.ZipFile(out) as archive:
        pages = [archive.read(name).decode("utf-8") for name in archive.namelist()]
    assert len(pages) == 1 + STUDENTS
    for canary in CANARIES:
        assert not any(canary in text for text in pages)
        assert canary in (page / "index.html").read_text(encoding="utf-8")
