"""Answers that kill or slow down the grader itself: they earn nothing, and nobody else is hurt."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from autograder.authoring.course import load_assignment
from autograder.grading.attempts import Attempt
from autograder.grading.batch import Grading
from autograder.grading.cpu_budget import CpuBudget
from autograder.grading.fixtures import Fixtures
from autograder.grading.judge import judge_exercise
from autograder.grading.retries import given_up
from autograder.grading.sessions import LocalSession
from autograder.grading.settings import Settings
from autograder.records import Grade, Outcome, Status
from autograder.sandbox.limits import Limits
from autograder.session import CheckTooSlow
from autograder.submission.discover import Found, find_submissions

pytestmark = pytest.mark.slow

HERE = Path(__file__).parent
HONEST = "def step(x): return x\n\ndef stride(x): return x\n"
KILLS_ONE = "def step(x): return -9 if x == 2 else x\n\ndef stride(x): return x\n"


@pytest.fixture
def course() -> str:
    return "fragile_course"


def outcomes(grade: Grade) -> list[list[str]]:
    return [[check.outcome.value for check in exercise.checks] for exercise in grade.exercises]


def named(folder: Path) -> list[Found]:
    """Notebooks of which the first names an assignment that is none, and all others `weak`."""
    folder.mkdir()
    for name, assignment in (("aaa", "nonsense"), ("bbb", "weak"), ("ccc", "weak")):
        notebook = {"cells": [], "metadata": {"otter": {"assignment_name": assignment}}}
        (folder / f"{name}.ipynb").write_text(json.dumps(notebook))
    return find_submissions([folder])


@pytest.mark.sandbox
def test_answers_that_kill_the_grader_cost_their_own_points_alone(
    course: str, tmp_path: Path
) -> None:
    files = {"ada": HONEST, "bob": KILLS_ONE, "cyd": HONEST}
    for name, code in files.items():
        (tmp_path / f"{name}.py").write_text(code)
    settings = Settings(seed="fragile", course=course, limits=Limits(call=5.0, total=60.0))
    with Grading(settings, jobs=2) as grading:
        found = find_submissions([tmp_path])
        assert grading.detect_assignment(named(tmp_path / "named")) == "weak"
        grades = {grade.student: grade for grade in grading.run("weak", found)}
    assert grades.keys() == files.keys()
    for name in ("ada", "cyd"):
        assert grades[name].score == grades[name].possible == 12
        assert grades[name].notes == ()
    assert outcomes(grades["bob"]) == [["passed", "died", "passed"], ["passed"] * 3]
    assert "grader's process ended" in grades["bob"].exercises[0].checks[1].message
    assert grades["bob"].status is Status.GRADED


def test_answers_are_at_fault_where_the_grader_ended_at_another_check_each_time() -> None:
    one, two, three = (("step", name) for name in ("one", "two", "three"))
    assert given_up((one, two, three))[0] is Outcome.DIED
    assert given_up((one, one, two))[0] is Outcome.GRADER_ERROR
    assert given_up(())[0] is Outcome.GRADER_ERROR


def test_a_check_that_ended_the_grader_three_times_costs_nothing(
    course: str, tmp_path: Path
) -> None:
    journal = tmp_path / "journal"
    exercise = load_assignment("weak", course).exercise("step")
    fixtures = Fixtures("weak", "seed")
    session = LocalSession({"step": lambda x: x}, fixtures.bench)
    attempt = Attempt(journal=str(journal), deaths=(("step", "two"),) * 3)
    grade = judge_exercise(exercise, session, fixtures, attempt=attempt)
    found = [check.outcome for check in grade.checks]
    assert found == [Outcome.PASSED, Outcome.GRADER_ERROR, Outcome.PASSED]
    assert attempt.ended_at() == ("step", "three")


def judged(course: str, answer: object, cpu_budget: CpuBudget) -> list[Outcome]:
    exercise = load_assignment("weak", course).exercise("step")
    fixtures = Fixtures("weak", "seed")
    session = LocalSession({"step": answer}, fixtures.bench)
    grade = judge_exercise(exercise, session, fixtures, cpu_budget=cpu_budget)
    return [check.outcome for check in grade.checks]


def test_an_answer_that_makes_a_check_slow_is_a_timeout_and_no_fault_of_the_grader(
    course: str,
) -> None:
    def endless(x: int) -> int:
        return x if x < 3 else 1 << 60

    passed = Outcome.PASSED
    assert judged(course, endless, CpuBudget(check=0.3)) == [passed, passed, Outcome.TIMEOUT]


def test_the_students_own_time_does_not_count(course: str) -> None:
    def slow(x: int) -> int:
        return x + 0 * sum(range(20_000_000))

    assert judged(course, slow, CpuBudget(check=0.3)) == [Outcome.PASSED] * 3


def test_when_the_time_for_a_submission_is_used_up_no_check_begins(course: str) -> None:
    cpu_budget = CpuBudget(total=0.0)
    assert judged(course, lambda x: x, cpu_budget) == [Outcome.TIMEOUT] * 3


def swallow_alarms(most: int) -> int:
    """Work on until so many alarms have been swallowed."""
    rings = 0
    while rings < most:
        try:
            sum(range(100_000))
        except CheckTooSlow:
            rings += 1
    return rings


def test_the_alarm_rings_again_where_it_was_swallowed() -> None:
    with CpuBudget(check=0.1).limited():
        assert swallow_alarms(2) == 2


def test_no_alarm_rings_after_the_end() -> None:
    cpu_budget = CpuBudget(check=0.2)
    with cpu_budget.limited():
        pass
    sum(range(20_000_000))
    assert cpu_budget.left > 0


def test_a_budget_within_another_one_leaves_the_outer_alarm_as_it_was() -> None:
    outer = CpuBudget(check=0.3)

    def endless() -> None:
        with CpuBudget(check=30.0).limited():
            sum(range(20_000_000))
        assert outer.left > 119.9, "what the inner one used counts there alone"
        while True:
            pass

    with pytest.raises(CheckTooSlow), outer.limited():
        endless()


def test_a_check_that_cannot_be_interrupted_ends_with_its_process() -> None:
    code = (
        "from autograder.grading.cpu_budget import CpuBudget\n"
        "with CpuBudget(check=0.2, grace=0.5).limited():\n"
        "    sum(range(10**15))\n"
    )
    ended = subprocess.run([sys.executable, "-c", code], cwd=HERE.parents[1], check=False)
    assert ended.returncode == -signal.SIGXCPU
