"""Points for one member of a team: the others keep the team's grade."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from autograder.cli.main import run as moelab
from autograder.gradebook import Adjustment, Gradebook, GradebookError
from autograder.records import Outcome

LAB = "moe_router_analysis"
KNOWN = (
    "gradescope 9",
    "name Ada Lovelace",
    "email ada@x.org",
    "name Bob Smith",
    "email bob@x.org",
)
ROSTER = "Name,Email\nAda Lovelace,ada@x.org\nBob Smith,bob@x.org\nZoë Ng,zoe@x.org\n"


def decision(points: float | None, why: str = "did not take part") -> Adjustment:
    made = datetime(2026, 11, 30, 12, tzinfo=UTC)
    return Adjustment(exercise="route", points=points, who="Grace", why=why, made=made)


@pytest.fixture
def team(make_grade):
    return replace(make_grade("Ada Lovelace, Bob Smith", submission="team.ipynb"), identity=KNOWN)


@pytest.fixture
def bob(team):
    return replace(team, student="Bob Smith", identity=("email bob@x.org",))


@pytest.fixture
def graded(book, run, team) -> Gradebook:
    book.record(book.start_run(run), team)
    return book


def scores(book: Gradebook) -> dict[str, float]:
    return {grade.student: grade.score for grade in book.latest(LAB).grades}


def test_one_member_gets_points_of_their_own_and_the_others_keep_the_teams(graded, bob):
    before, after = graded.adjust_member(LAB, bob, decision(4))
    assert (before.score, after.score, after.possible) == (20, 14, 20)
    assert after.exercises[1].adjustment.message == "did not take part (Grace, 2026-11-30)"
    assert scores(graded) == {"Ada Lovelace, Bob Smith": 20, "Bob Smith": 14}


def test_it_can_be_taken_back_and_goes_above_what_the_team_was_given(graded, bob):
    graded.adjust(LAB, "team.ipynb", decision(8))
    graded.adjust_member(LAB, bob, decision(4))
    assert scores(graded) == {"Ada Lovelace, Bob Smith": 18, "Bob Smith": 14}
    _, undone = graded.adjust_member(LAB, bob, decision(None))
    assert undone.score == 18
    assert scores(graded) == {"Ada Lovelace, Bob Smith": 18}


def test_it_holds_for_this_file_however_often_it_is_graded(graded, bob, run, team):
    graded.adjust_member(LAB, bob, decision(4))
    graded.record(graded.start_run(run, regrade=True), team)
    assert scores(graded)["Bob Smith"] == 14
    graded.record(graded.start_run(run), replace(team, digest="sha256:2"))
    (only,) = graded.latest(LAB).grades
    assert only.score == 20
    assert only.notes == (
        "points set by hand for route of Bob Smith were for another version of this file",
    )


def test_points_beyond_what_an_exercise_is_worth_are_refused(graded, bob):
    with pytest.raises(GradebookError, match="route is worth 10 points"):
        graded.adjust_member(LAB, bob, decision(11))


def test_adjust_with_a_roster_means_one_member(tmp_path, monkeypatch, capsys, run, team):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "roster.csv").write_text(ROSTER, encoding="utf-8")
    with Gradebook.open("g.db") as book:
        book.record(book.start_run(run), team)
    adjust = ["adjust", "g.db", "--roster", "roster.csv", "--exercise", "route", "--why", "absent"]
    for points, printed in (("4", "10 → 4 of 10"), ("3", "4 → 3 of 10")):
        assert moelab([*adjust, "--student", "bob@x.org", "--points", points]) == 0
        assert f"Bob Smith, route: {printed}" in capsys.readouterr().out
    assert moelab([*adjust, "--student", "Ada Lovelace", "--points", "9"]) == 0
    assert "Ada Lovelace, route: 10 → 9 of 10" in capsys.readouterr().out
    report = [
        "report",
        "g.db",
        "--roster",
        "roster.csv",
        "--csv",
        "grades.csv",
        "--moodle",
        "m.csv",
    ]
    assert moelab(report) == 0
    lines = (tmp_path / "m.csv").read_text(encoding="utf-8").splitlines()[1:]
    assert [line.split(",")[1:4] for line in lines] == [
        ["Ada Lovelace", "ada@x.org", "19"],
        ["Bob Smith", "bob@x.org", "13"],
    ]
    assert moelab([*adjust, "--student", "Bob Smith", "--undo"]) == 0
    assert "Bob Smith, route: 3 → 10 of 10" in capsys.readouterr().out


def test_a_team_that_failed_can_have_a_member_who_did_not(graded, bob, run, team, make_grade):
    failed = replace(team, exercises=make_grade(outcomes=(Outcome.FAILED,) * 2).exercises)
    graded.record(graded.start_run(run, regrade=True), failed)
    graded.adjust_member(LAB, replace(bob, exercises=failed.exercises), decision(10))
    assert scores(graded) == {"Ada Lovelace, Bob Smith": 0, "Bob Smith": 10}
