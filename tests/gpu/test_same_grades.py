"""A submission gets the same verdicts on the CPU and on a GPU, and CUDA works where it must."""

from __future__ import annotations

from pathlib import Path

import pytest

from autograder.grading.batch import Grading
from autograder.grading.settings import Settings
from autograder.models.choice import ModelChoice, choose
from autograder.records import Outcome
from autograder.sandbox.devices import Gpu
from autograder.sandbox.equipment import Equipment
from autograder.sandbox.errors import SandboxError
from autograder.sandbox.isolation import Sandbox
from autograder.sandbox.limits import Limits
from autograder.serving.placement import Placement
from autograder.submission.discover import find_submissions

pytestmark = [pytest.mark.gpu, pytest.mark.sandbox]
SOLUTIONS = Path(__file__).resolve().parents[1] / "solutions"
NAMES = ("functional", "numpy_minded", "hooks_and_einsum")

Verdicts = dict[tuple[str, str, str], Outcome]


def verdicts(
    placements: tuple[Placement, ...], models: tuple[ModelChoice, ...], course: str
) -> Verdicts:
    settings = Settings(seed="same", course=course, placements=placements)
    found = find_submissions(tuple(SOLUTIONS / f"{name}.py" for name in NAMES))
    with Grading(settings, len(found), models) as grading:
        return {
            (grade.student, exercise.name, check.name): check.outcome
            for grade in grading.run("lab", found)
            for exercise in grade.exercises
            for check in exercise.checks
        }


@pytest.fixture(scope="module")
def on_the_cpu(course: str) -> Verdicts:
    return verdicts((), (), course)


def test_tiny_models_on_a_gpu_give_the_verdicts_of_the_cpu(
    gpu: Gpu, course: str, on_the_cpu: Verdicts
) -> None:
    assert verdicts((Placement(gpus=(gpu,), tiny_too=True),), (), course) == on_the_cpu


def test_a_full_scale_model_gives_the_verdicts_of_the_tiny_ones(
    gpu: Gpu, course: str, shape: Path, on_the_cpu: Verdicts
) -> None:
    choice = choose(str(shape))
    assert choice is not None
    assert verdicts((Placement(gpus=(gpu,)),), (choice,), course) == on_the_cpu


def test_a_gpu_needs_namespaces_and_says_so(gpu: Gpu) -> None:
    equipment = Equipment(gpus=(gpu,), tiny_on_gpu=True)
    sandbox = Sandbox(("namespaces",), "seed", Limits(), equipment=equipment)
    assert sandbox.level == "namespaces"
    sandbox.close()
    with pytest.raises(SandboxError, match="CUDA"):
        Sandbox(("landlock",), "seed", Limits(), equipment=equipment)
