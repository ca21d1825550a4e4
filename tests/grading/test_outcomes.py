"""Every way in which a check can end, brought about by a real submission in the real sandbox."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from autograder.grading.settings import Settings
from autograder.grading.worker import Worker
from autograder.records import Grade, Outcome, Status
from autograder.sandbox.limits import Limits
from autograder.submission.discover import find_submissions

pytestmark = pytest.mark.slow

HALVE = "def halve(x): return x / 2\n"
RIGHT = "def double(x): return 2 * x\n" + HALVE


@pytest.fixture(scope="module")
def worker() -> Iterator[Worker]:
    limits = Limits(call=2.0, total=60.0, memory=512 << 20)
    made = Worker(Settings(seed="outcomes", course="outcomes_course", limits=limits))
    yield made
    made.sandbox.close()


@pytest.fixture
def graded(worker: Worker, tmp_path: Path):
    def grade(source: str, name: str = "student.py") -> Grade:
        (tmp_path / name).write_text(source, encoding="utf-8")
        return worker.grade("probe", find_submissions([tmp_path / name])[0])

    return grade


def outcomes(grade: Grade, exercise: int = 0) -> list[Outcome]:
    return [check.outcome for check in grade.exercises[exercise].checks]


def test_a_right_answer_passes(graded) -> None:
    grade = graded(RIGHT)
    assert outcomes(grade) == [Outcome.PASSED] * 3
    assert grade.exercises[0].score == grade.exercises[0].possible == 6


def test_a_wrong_answer_fails_and_what_depends_on_it_is_skipped(graded) -> None:
    grade = graded("def double(x): return x + 4\n" + HALVE)
    assert outcomes(grade) == [Outcome.FAILED, Outcome.FAILED, Outcome.SKIPPED]
    assert grade.exercises[0].checks[0].message == "double(3) gave 7.0, not 6"
    assert grade.exercises[0].score == 0


def test_an_exception_is_an_error_with_its_sentence(graded) -> None:
    grade = graded("def double(x): raise KeyError('lost')\n" + HALVE)
    assert outcomes(grade)[:2] == [Outcome.ERROR] * 2
    assert "KeyError" in grade.exercises[0].checks[0].message


def test_an_endless_loop_is_a_timeout_and_the_next_exercise_still_runs(graded) -> None:
    grade = graded("def double(x):\n    while True: pass\n" + HALVE)
    assert outcomes(grade) == [Outcome.TIMEOUT, Outcome.TIMEOUT, Outcome.TIMEOUT]
    assert outcomes(grade, 1)[0] is Outcome.PASSED


def test_too_much_memory_is_told_apart(graded) -> None:
    grade = graded("def double(x):\n    return bytearray(8 << 30)\n" + HALVE)
    assert outcomes(grade)[:2] == [Outcome.MEMORY] * 2
    assert outcomes(grade, 1)[0] is Outcome.PASSED


def test_a_process_that_ends_itself_died_and_the_next_check_still_runs(graded) -> None:
    source = "import os\ndef double(x):\n    if x == 3.0: os._exit(0)\n    return 2 * x\n"
    grade = graded(source + HALVE)
    assert outcomes(grade) == [Outcome.DIED, Outcome.DIED, Outcome.SKIPPED]
    assert outcomes(grade, 1)[0] is Outcome.PASSED


def test_a_function_that_is_not_defined_is_missing(graded) -> None:
    grade = graded(HALVE)
    assert outcomes(grade) == [Outcome.MISSING] * 3
    assert "double" in grade.exercises[0].checks[0].message


def test_a_broken_check_is_the_graders_error_and_costs_nobody_points(graded) -> None:
    grade = graded(RIGHT)
    assert outcomes(grade, 1) == [Outcome.PASSED, Outcome.GRADER_ERROR]
    assert grade.status is Status.NEEDS_REVIEW
    assert grade.score == grade.possible


def test_an_answer_that_breaks_a_sound_check_is_the_students_fault(graded) -> None:
    grade = graded("def double(x): return 'six'\n" + HALVE)
    assert outcomes(grade)[:2] == [Outcome.FAILED] * 2


def test_an_endless_cell_is_left_out_and_the_others_count(graded) -> None:
    source = f"# %%\nwhile True: pass\n# %%\n{RIGHT}# %%\nimport os; os._exit(1)\n"
    grade = graded(source)
    assert outcomes(grade) == [Outcome.PASSED] * 3
    assert len([note for note in grade.notes if "left out" in note]) == 2


def test_an_unreadable_file_lists_every_exercise_and_says_why(graded) -> None:
    grade = graded("{not a notebook", "student.ipynb")
    assert grade.status is Status.UNREADABLE
    assert [exercise.name for exercise in grade.exercises] == ["double", "halve"]
    assert grade.score == 0
    assert grade.notes


def test_the_same_seed_gives_the_same_grades(graded) -> None:
    def told(grade: Grade) -> list[tuple[str, Outcome, str]]:
        return [(c.name, c.outcome, c.message) for e in grade.exercises for c in e.checks]

    wrong = "def double(x): return 2.0001 * x\n" + HALVE
    assert told(graded(wrong)) == told(graded(wrong))


def test_a_known_mistake_is_named_and_its_hint_is_the_authors(graded) -> None:
    grade = graded("def double(number): return sum([4.0, number])\n" + HALVE)
    wrong, also_wrong, skipped = grade.exercises[0].checks
    assert wrong.misconception == also_wrong.misconception == "adds_one"
    assert wrong.hint == "Adds three."
    assert (skipped.misconception, skipped.hint) == (None, "")


def test_an_answer_that_turns_hostile_after_grading_keeps_its_points_and_gets_no_hint(
    graded,
) -> None:
    source = """
import os
calls = []
def double(x):
    calls.append(x)
    if len(calls) > 2:
        os._exit(1)
    return x + 4
"""
    grade = graded(source + HALVE)
    assert [check.misconception for check in grade.exercises[0].checks] == [None] * 3
    assert grade.exercises[1].checks[0].outcome is Outcome.PASSED
