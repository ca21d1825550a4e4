"""Hostile submissions on a GPU that a class shares: what becomes of them, and of the others."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from gpu_attacks import ATTACKS

from autograder.grading.batch import Grading
from autograder.grading.settings import Settings
from autograder.models.choice import choose
from autograder.records import Grade, Outcome
from autograder.sandbox.devices import Gpu
from autograder.sandbox.limits import Limits
from autograder.serving.contention import TAMPERED
from autograder.serving.placement import Placement
from autograder.submission.discover import find_submissions

pytestmark = [pytest.mark.gpu, pytest.mark.sandbox]
SOLUTION = Path(__file__).resolve().parents[1] / "solutions" / "functional.py"
HONEST = 6


@pytest.fixture(scope="module")
def grades(
    gpu: Gpu, course: str, shape: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Grade]:
    """Every attack and some honest submissions, all at once on one GPU."""
    folder = tmp_path_factory.mktemp("class")
    solution = SOLUTION.read_text(encoding="utf-8")
    for number in range(HONEST):
        (folder / f"honest_{number}.py").write_text(solution, encoding="utf-8")
    for name, code in ATTACKS.items():
        (folder / f"{name}.py").write_text(solution + code, encoding="utf-8")
    settings = Settings(
        seed="attacks", course=course, placements=(Placement(gpus=(gpu,)),), limits=Limits(call=5.0)
    )
    choice = choose(str(shape))
    assert choice is not None
    with Grading(settings, 6, (choice,)) as grading:
        found = {one.student: one for one in grading.run("lab", find_submissions((folder,)))}
    for name, grade in sorted(found.items()):
        outcomes = [str(c.outcome) for e in grade.exercises for c in e.checks]
        print(json.dumps({name: [grade.score, sorted(set(outcomes)), grade.notes]}))
    return found


def outcomes(grade: Grade) -> set[Outcome]:
    found = {check.outcome for exercise in grade.exercises for check in exercise.checks}
    return found - {Outcome.PASSED}


def test_honest_neighbours_keep_every_point(grades: dict[str, Grade]) -> None:
    for number in range(HONEST):
        grade = grades[f"honest_{number}"]
        assert grade.score == grade.possible
        assert grade.notes == ()


@pytest.mark.parametrize(
    ("attack", "expected"),
    [
        ("zeroes_the_weights", Outcome.FAILED),
        ("takes_all_memory", Outcome.MEMORY),
        ("runs_an_endless_kernel", Outcome.TIMEOUT),
        ("leaves_an_endless_kernel_behind", Outcome.TIMEOUT),
        ("breaks_cuda", Outcome.ERROR),
    ],
)
def test_an_attack_costs_its_own_points(
    grades: dict[str, Grade], attack: str, expected: Outcome
) -> None:
    assert expected in outcomes(grades[attack])
    assert grades[attack].score < grades[attack].possible


def test_who_changed_the_weights_is_named(grades: dict[str, Grade]) -> None:
    assert TAMPERED in grades["zeroes_the_weights"].notes
    assert [name for name, grade in grades.items() if TAMPERED in grade.notes] == [
        "zeroes_the_weights"
    ]
