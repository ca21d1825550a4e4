"""Pictures are kept when they are asked for, made when all is judged, and never trusted.

Also: checks that look at different sides of one figure call the student's function once.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from matplotlib import image

from autograder.grading.settings import Settings
from autograder.grading.worker import Worker
from autograder.records import Grade, Outcome
from autograder.sandbox.limits import Limits
from autograder.submission.discover import find_submissions
from autograder.wire.png import MAX_BYTES

pytestmark = pytest.mark.slow

SIGNATURE = b"\x89PNG\r\n\x1a\n"
RIGHT = """
import matplotlib.pyplot as plt
calls = 0

def draw(values):
    global calls
    calls += 1
    figure, axes = plt.subplots()
    axes.bar(range(len(values)), values)
    axes.set(title="values", xlabel="place", ylabel="value")
    return figure
"""
GradeText = Callable[..., Grade]


@pytest.fixture(scope="module")
def worker() -> Iterator[Worker]:
    limits = Limits(call=4.0, total=60.0)
    made = Worker(Settings(seed="pictures", course="drawing_course", limits=limits))
    yield made
    made.sandbox.close()


@pytest.fixture
def graded(worker: Worker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> GradeText:
    def grade(source: str, *, pictures: bool = True) -> Grade:
        (tmp_path / "student.py").write_text(source, encoding="utf-8")
        settings = replace(worker._settings, pictures=pictures)
        monkeypatch.setattr(worker, "_settings", settings)
        return worker.grade("sketch", find_submissions([tmp_path / "student.py"])[0])

    return grade


def outcomes(grade: Grade) -> list[Outcome]:
    return [check.outcome for check in grade.exercises[0].checks]


def red_columns(picture: bytes) -> np.ndarray:
    """Which columns of a picture have something red."""
    pixels = image.imread(io.BytesIO(picture))[..., :3]
    return (abs(pixels - (1, 0, 0)).max(axis=2) < 0.1).any(axis=0)


def test_no_picture_is_kept_unless_it_is_asked_for(graded: GradeText) -> None:
    grade = graded(RIGHT, pictures=False)
    assert outcomes(grade) == [Outcome.PASSED] * 4
    assert grade.exercises[0].picture == b""


def test_a_picture_shows_the_figure_of_the_first_passed_check(graded: GradeText) -> None:
    source = RIGHT.replace("len(values)), values)", 'len(values)), values, color="red")')
    grade = graded(source)
    picture = grade.exercises[0].picture
    assert outcomes(grade) == [Outcome.PASSED] * 4
    assert picture.startswith(SIGNATURE)
    assert len(picture) <= MAX_BYTES
    red = red_columns(picture)
    assert (red[1:] & ~red[:-1]).sum() == 2, "two bars, as in the public check"


def test_the_process_that_draws_a_picture_has_seen_no_hidden_input(graded: GradeText) -> None:
    colour = 'color="red" if calls > 1 else "blue"'
    grade = graded(RIGHT.replace("len(values)), values)", f"len(values)), values, {colour})"))
    assert outcomes(grade) == [Outcome.PASSED] * 4
    assert grade.exercises[0].picture.startswith(SIGNATURE)
    assert not red_columns(grade.exercises[0].picture).any()


def test_a_wrong_figure_is_shown_as_well(graded: GradeText) -> None:
    grade = graded(RIGHT.replace("range(len(values)), values", "[0, 1, 2], [1, 2, 3]"))
    assert outcomes(grade)[0] is Outcome.FAILED
    assert grade.exercises[0].picture.startswith(SIGNATURE)


def test_what_a_hidden_check_asked_for_is_never_shown(graded: GradeText) -> None:
    grade = graded(RIGHT.replace("calls += 1", "calls += 1\n    1 / (len(values) - 2)"))
    assert outcomes(grade) == [Outcome.ERROR] + [Outcome.PASSED] * 3
    assert grade.exercises[0].picture == b""


def test_checks_that_share_a_call_make_it_once(graded: GradeText) -> None:
    right = graded(
        RIGHT.replace("return figure", "if calls > 3: raise RuntimeError\n    return figure")
    )
    assert outcomes(right) == [Outcome.PASSED] * 4
    fewer = graded(
        RIGHT.replace("return figure", "if calls > 2: raise RuntimeError\n    return figure")
    )
    assert outcomes(fewer) == [Outcome.PASSED] * 3 + [Outcome.ERROR]


@pytest.mark.parametrize(
    "ending",
    [
        "figure.savefig = lambda *a, **k: 1 / 0\n    return figure",
        "figure.savefig = lambda out, **k: out.write(b'<script></script>')\n    return figure",
    ],
    ids=["cannot_be_drawn", "not_a_png"],
)
def test_a_picture_that_cannot_be_had_costs_nothing(graded: GradeText, ending: str) -> None:
    grade = graded(RIGHT.replace("return figure", ending))
    assert outcomes(grade) == [Outcome.PASSED] * 4
    assert grade.exercises[0].picture == b""


def test_a_picture_that_takes_for_ever_is_given_up(graded: GradeText) -> None:
    ending = (
        "def hang(*a, **k):\n        while True: pass\n    figure.savefig = hang\n    return figure"
    )
    grade = graded(RIGHT.replace("return figure", ending))
    assert outcomes(grade) == [Outcome.PASSED] * 4
    assert grade.exercises[0].picture == b""


def test_a_huge_figure_is_drawn_small(graded: GradeText) -> None:
    grade = graded(
        RIGHT.replace("return figure", "figure.set_size_inches(300, 300)\n    return figure")
    )
    assert len(grade.exercises[0].picture) <= MAX_BYTES
