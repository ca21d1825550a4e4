"""Deadlines: grace, lateness, extensions, and the term; raw scores stay beside what was applied."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from autograder.cli.main import run as moelab
from autograder.gradebook import Gradebook
from autograder.records import ClassGrades, Enrolment, Outcome
from autograder.report.feedback.content import feedback
from autograder.report.feedback.text import feedback_markdown
from autograder.report.files import ReportError
from autograder.report.policy.applying import apply_policy
from autograder.report.policy.reading import read_policy
from autograder.report.policy.term import term_grades
from autograder.text import moment

POLICY = """
timezone = "Europe/Berlin"
[late]
percent_per_day = 10
grace = "15 min"
cap = 30
floor = 20
[assignments.moe_router_analysis]
due = 2026-11-20T18:00:00
[[extensions]]
student = "eve@example.org"
days = 2
why = "ill"
[[extensions]]
group = "Red"
until = 2026-11-22T18:00:00+01:00
why = "broken machine"
"""
DUE = datetime(2026, 11, 20, 17, 0, tzinfo=UTC)  # six in the evening in Berlin


@pytest.fixture
def standing(run, make_grade):
    """What a policy makes of a file that came so long after the deadline."""

    def apply(after: timedelta | None, text: str = POLICY, **more):
        submitted = None if after is None else DUE + after
        outcomes = more.pop("outcomes", (Outcome.PASSED, Outcome.PASSED))
        grade = replace(make_grade("ada", outcomes=outcomes), submitted=submitted, **more)
        (found,) = apply_policy(
            read_policy(text), ClassGrades(run=run, grades=(grade,))
        ).class_grades.grades
        assert found.score == grade.score, "the raw score stays"
        return found.standing

    return apply


@pytest.mark.parametrize(
    ("late", "days", "final"),
    [
        (timedelta(minutes=-1), 0, 20.0),
        (timedelta(minutes=15), 0, 20.0),
        (timedelta(minutes=16), 1, 18.0),
        (timedelta(hours=24), 1, 18.0),
        (timedelta(hours=24, seconds=1), 2, 16.0),
        (timedelta(days=9), 9, 14.0),
    ],
)
def test_each_day_begun_after_the_grace_costs_a_share_up_to_the_cap(standing, late, days, final):
    found = standing(late)
    assert (found.days_late, found.final) == (days, final)


def test_raw_score_and_rule_are_shown_as_a_sum(run, make_grade):
    points = replace(make_grade().exercises[0].checks[0], points=92.0)
    exercise = replace(make_grade().exercises[0], checks=(points,))
    grade = replace(make_grade(), exercises=(exercise,), submitted=DUE + timedelta(hours=1))
    applied = apply_policy(read_policy(POLICY), ClassGrades(run=run, grades=(grade,)))
    (found,) = applied.class_grades.grades
    assert found.standing.rules == ("92 − 10 % late = 82.8 (1 day)",)
    assert found.final == 82.8
    assert "**82.8 of 92 points** (90 %)" in feedback_markdown(feedback(found, run))
    assert "92 − 10 % late = 82.8" in feedback_markdown(feedback(found, run))


def test_lateness_takes_no_score_below_the_floor_and_lifts_none(standing):
    steep = POLICY.replace("cap = 30", "cap = 100").replace("floor = 20", "floor = 40")
    halves = (Outcome.PASSED, Outcome.FAILED)
    assert standing(timedelta(days=7), steep, outcomes=halves).final == 8.0
    nothing = (Outcome.FAILED, Outcome.FAILED)
    assert standing(timedelta(days=7), steep, outcomes=nothing).final == 0.0


def test_an_extension_is_for_its_student_or_group_and_the_later_deadline_holds(standing):
    day = timedelta(days=1)
    eve = Enrolment(email="Eve@example.org")
    assert standing(2 * day, enrolment=eve).final == 20.0
    assert standing(2 * day, enrolment=eve).rules == ("extension to 2026-11-22 18:00 CET (ill)",)
    assert standing(2 * day + day / 2, enrolment=eve).days_late == 1
    assert standing(2 * day, enrolment=Enrolment(groups=("red",))).final == 20.0
    assert standing(2 * day, identity=("moodle_group Red",)).final == 20.0
    assert standing(2 * day, enrolment=Enrolment(email="bob@example.org")).final == 16.0


def test_where_no_time_is_known_nothing_is_taken_and_that_is_said(standing):
    assert standing(None).rules == ("time not known",)
    assert standing(None, late=True).rules == ("marked late, by how much is not known",)
    assert standing(None, late=True).final == 20.0
    taken = POLICY.replace("floor = 20", "floor = 20\ndays_if_unknown = 1")
    assert standing(None, taken, late=True).final == 18.0
    assert standing(None, taken).final == 20.0


def test_extensions_that_fit_nobody_are_named(run, make_grade):
    applied = apply_policy(read_policy(POLICY), ClassGrades(run=run, grades=(make_grade(),)))
    assert applied.unused == ("eve@example.org", "group Red")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("timezone = 'Berlin'", "is no time zone"),
        ("[late]\npercent = 3", "has no 'percent'"),
        ("[late]\npercent_per_day = 300", "is no number from 0 to 100"),
        ("[late]\ngrace = 'soon'", "is no time"),
        ("[assignments.a]\ndue = 7", "write a date and time"),
        ("[[extensions]]\nstudent = 'a'\ndays = 1", "needs a reason"),
        ("[[extensions]]\nwhy = 'x'\ndays = 1", "is for one of"),
        ("[[extensions]]\nstudent = 'a'\nwhy = 'x'", "either `until` or `days`"),
        ("due = ", "is no TOML"),
    ],
)
def test_a_mistake_in_the_file_is_named(text, says):
    with pytest.raises(ReportError, match=says):
        read_policy(text)


def test_moments_are_read_as_platforms_write_them():
    assert moment("2026-11-20 21:33:12.000000000 Z") == datetime(
        2026, 11, 20, 21, 33, 12, tzinfo=UTC
    )
    assert moment("2026-11-20T21:33:12+01:00").utcoffset() == timedelta(hours=1)
    assert moment("2026-11-20 13:33 -0800").utcoffset() == timedelta(hours=-8)
    naive = datetime(2026, 11, 20, 21, 33)
    assert moment("2026-11-20 21:33") == naive
    assert moment("Friday, 20 November 2026, 9:33 PM") == naive
    assert [moment(text) for text in ("-", "", "2026-13-40 99:99", "yesterday")] == [None] * 4


def test_the_lowest_assignment_of_the_term_is_dropped_and_weights_count(run, make_grade):
    outcomes = {
        "one": (Outcome.PASSED, Outcome.FAILED),
        "two": (Outcome.PASSED, Outcome.PASSED),
        "three": (Outcome.FAILED, Outcome.FAILED),
    }
    classes = [
        ClassGrades(run=replace(run, assignment=name), grades=(make_grade(outcomes=how),))
        for name, how in outcomes.items()
    ]
    policy = read_policy("[term]\ndrop_lowest = 1\n[assignments.two]\nweight = 3")
    (ada,) = term_grades(classes, policy)
    assert ada.shares == {"one": 50.0, "two": 100.0, "three": 0.0}
    assert ada.dropped == {"three"}
    assert ada.total == 87.5
    bob = ClassGrades(run=run, grades=(make_grade("bob"),))
    (_, absent) = term_grades([*classes[:2], bob], read_policy(""))
    assert absent.total == pytest.approx(100 / 3), "an assignment without a grade earns nothing"


@pytest.fixture
def gradebook(tmp_path, run, make_grade):
    path = tmp_path / "gradebook.db"
    with Gradebook.open(str(path)) as book:
        number = book.start_run(run)
        book.record(number, replace(make_grade("ada"), submitted=DUE + timedelta(days=1)))
        book.record(number, replace(make_grade("bob"), submitted=DUE))
    return path


def test_a_policy_is_kept_applied_to_every_export_and_its_change_is_in_the_diff(
    gradebook, tmp_path, capsys
):
    policy = tmp_path / "policy.toml"
    policy.write_text(POLICY, encoding="utf-8")
    files = ("--json", str(tmp_path / "g.json"), "--csv", str(tmp_path / "g.csv"))
    assert moelab(["report", str(gradebook), "--policy", str(policy), *files]) == 0
    ada, bob = json.loads((tmp_path / "g.json").read_text())["grades"]
    assert (ada["score"], ada["final"], bob["final"]) == (20, 18, 20)
    assert ada["rules"] == ["20 − 10 % late = 18 (1 day)"]
    (row, _) = csv.DictReader(io.StringIO((tmp_path / "g.csv").read_text()))
    assert (row["score"], row["final"]) == ("20.0", "18.0")
    policy.write_text(POLICY.replace("percent_per_day = 10", "percent_per_day = 25"))
    capsys.readouterr()
    assert moelab(["report", str(gradebook), "--policy", str(policy), "--diff"]) == 0
    told = " ".join(capsys.readouterr().out.split())
    assert "Other rules on deadlines change 1 grade." in told
    assert "ada 18 15 20 − 25 % late = 15 (1 day)" in told
    assert moelab(["report", str(gradebook), "--term", str(tmp_path / "term.csv")]) == 0
    (row, _) = csv.DictReader(io.StringIO((tmp_path / "term.csv").read_text()))
    assert (row["student"], row["total"]) == ("ada", "75"), "the rules of last time hold"
    with Gradebook.open(str(gradebook)) as book:
        assert len(book.policies()) == 2
