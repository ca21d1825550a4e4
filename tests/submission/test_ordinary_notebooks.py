"""Right answers in ordinary notebooks, and in ordinary classes, earn every point in the sandbox."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from autograder.authoring.course import load_assignment
from autograder.grading.settings import Settings
from autograder.grading.worker import Worker
from autograder.records import Grade, Status
from autograder.submission.counting import counting
from autograder.submission.discover import digest_of, find_submissions, read_bytes
from autograder.submission.files import SubmissionProblem

ORDINARY = Path(__file__).parent / "ordinary"
CASES = Path(__file__).parent / "cases"
LAB = "moe_routing_in_practice"

pytestmark = [pytest.mark.slow, pytest.mark.sandbox]


@pytest.fixture(scope="module")
def worker() -> Iterator[Worker]:
    worker = Worker(Settings(seed="ordinary notebooks"))
    yield worker
    worker.sandbox.close()


@pytest.mark.parametrize("file", sorted(ORDINARY.iterdir()), ids=lambda file: file.name)
def test_right_answers_in_an_ordinary_notebook_keep_every_point(worker: Worker, file: Path) -> None:
    (found,) = find_submissions([file])

    grade = worker.grade(LAB, found)

    assert grade.score == grade.possible == load_assignment(LAB).possible, grade.notes


@pytest.fixture(scope="module")
def graded(worker: Worker) -> Callable[[Path], dict[str, Grade]]:
    """Grade a class, and return what counts by student; what is the same is graded once."""
    known: dict[str, Grade] = {}
    wanted = [exercise.name for exercise in load_assignment(LAB).exercises]

    def grade(folder: Path) -> dict[str, Grade]:
        found = [
            one for one in counting(find_submissions([folder]), wanted) if not one.superseded_by
        ]
        grades = {}
        for one in found:
            try:
                key = f"{digest_of(one, read_bytes(one))} {one.file_name.rpartition('.')[2]}"
            except SubmissionProblem:
                key = one.name
            if key not in known:
                known[key] = worker.grade(LAB, one)
            grades[one.student] = known[key]
        assert len(grades) == len(found)
        return grades

    return grade


@pytest.mark.parametrize(
    ("case", "scores"),
    [
        (
            "40_canvas_marks.zip",
            {
                "smithjonesanna": 36,
                "yılmazi\u0307brahim": 50,
                "शर्माप्रिया": 50,
                "สมชายกิตติ": 50,
                "김민수": 50,
            },
        ),
        ("41_canvas_two_files", {"lovelaceada": 50, "smithbob": 50}),
        ("42_nbgrader_layout_lab_2_4_4", {"ada": 50, "bob": 36, "eve": 50}),
        ("44_moodle_groups", {"Default group": 50, "Group A": 50, "Group B": 36}),
        (
            "45_moodle_mixed",
            {"Ada-Marie O Neil": 50, "Bob": 36, "Zoë Nguyễn": 50, "प्रिया शर्मा": 50},
        ),
        (
            "48_other_endings",
            {"lovelaceada": 50, "smithbob": 50, "ngzoe": 50, "rossi": 0, "kim": 0},
        ),
        ("50_gradescope_notebook_and_helper", {"Ada Two Files": 50, "Bob Scratch": 50}),
    ],
)
def test_everybody_in_a_class_gets_their_points(
    graded: Callable[[Path], dict[str, Grade]], case: str, scores: dict[str, int]
) -> None:
    grades = graded(CASES / case)

    found = {unicodedata.normalize("NFC", name): grade.score for name, grade in grades.items()}
    wanted = {unicodedata.normalize("NFC", name): score for name, score in scores.items()}
    assert found == wanted
    assert {grade.status for grade in grades.values()} <= {Status.GRADED, Status.UNREADABLE}
    assert all(grade.readable or not grade.score for grade in grades.values())
