"""A class graded on full-scale models, from folders as users have them, on the CPU."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from autograder.authoring.course import load_assignment
from autograder.edition.source import script, solution_source
from autograder.grading.batch import Grading
from autograder.grading.settings import Settings
from autograder.models.choice import ModelChoice, choose
from autograder.records import Grade, Outcome
from autograder.sandbox.limits import Limits
from autograder.serving.contention import TAMPERED
from autograder.serving.placement import Placement
from autograder.submission.discover import find_submissions

pytestmark = pytest.mark.slow

WHOLE_POINTS = load_assignment("lab", "model_checks").possible

LOOKS = """
_find = find_router_layers
def find_router_layers(model):
    config = getattr(model, "config", None)
    if getattr(config, "vocab_size", 0) >= 300:
        CHANGE
    return _find(model)
"""
ZEROES = LOOKS.replace("CHANGE", "[parameter.data.zero_() for parameter in model.parameters()]")
REFUSES = LOOKS.replace("CHANGE", "raise ValueError(f'{type(model).__name__} is too large for me')")


COUNTING = "analyze_load_distribution"
CHAFF = load_assignment("moe_router_analysis").exercise(COUNTING).chaffs[0]


@pytest.fixture(scope="module")
def course() -> str:
    return "model_checks"


def choices(*folders: Path) -> tuple[ModelChoice, ...]:
    found = (choose(str(folder), trust_remote_code=True) for folder in folders)
    return tuple(choice for choice in found if choice is not None)


@pytest.fixture(scope="module")
def grades(
    course: str,
    native: Path,
    remote: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> dict[str, Grade]:
    """Right answers twice, one that spoils the shared weights and one that knows tiny models alone.

    The memory of the weights is shared in such a way that writes are seen by all, as on a GPU.
    """
    folder = tmp_path_factory.mktemp("class")
    exercises = load_assignment("moe_router_analysis").exercises
    solution = script([solution_source(one, one.solution_function) for one in exercises])
    for name, more in (("ada", ""), ("bob", ZEROES), ("cyd", ""), ("dan", REFUSES)):
        (folder / f"{name}.py").write_text(solution + more, encoding="utf-8")
    wrong = [
        solution_source(one, CHAFF.function if one.name == COUNTING else one.solution_function)
        for one in exercises
    ]
    (folder / "eve.py").write_text(script(wrong), encoding="utf-8")
    planted = tmp_path_factory.mktemp("planted")
    config = json.loads((native / "config.json").read_text(encoding="utf-8"))
    planted_config = config | {"num_local_experts": 40, "num_experts_per_tok": 4}
    (planted / "config.json").write_text(json.dumps(planted_config), encoding="utf-8")
    settings = Settings(
        seed="full scale",
        course=course,
        placements=(Placement(private=False),),
        limits=Limits(call=60.0),
    )
    with Grading(settings, 2, choices(native, remote, planted)) as grading:
        return {grade.student: grade for grade in grading.run("lab", find_submissions((folder,)))}


@pytest.mark.sandbox
def test_right_answers_earn_every_point_on_checkpoints_and_planted_shapes(
    grades: dict[str, Grade],
) -> None:
    for student in ("ada", "cyd"):
        failed = [
            (check.name, check.message)
            for exercise in grades[student].exercises
            for check in exercise.checks
            if check.outcome is not Outcome.PASSED
        ]
        assert not failed
        assert grades[student].score == grades[student].possible == WHOLE_POINTS


@pytest.mark.sandbox
def test_full_scale_models_take_part_in_the_checks(grades: dict[str, Grade]) -> None:
    messages = [
        check.message
        for exercise in grades["dan"].exercises
        for check in exercise.checks
        if check.outcome is Outcome.ERROR
    ]
    assert messages == [
        "find_router_layers raised ValueError: MixtralForCausalLM is too large for me"
    ]


@pytest.mark.sandbox
def test_who_changes_shared_weights_is_named_and_nobody_else_loses_points(
    grades: dict[str, Grade],
) -> None:
    assert TAMPERED in grades["bob"].notes
    assert grades["bob"].score < WHOLE_POINTS
    assert not any(TAMPERED in grades[student].notes for student in ("ada", "cyd", "dan"))


@pytest.mark.sandbox
def test_a_misconception_is_named_from_the_tiny_models(grades: dict[str, Grade]) -> None:
    named = {
        exercise.name: {check.misconception for check in exercise.checks if check.misconception}
        for exercise in grades["eve"].exercises
    }
    assert named.pop(COUNTING) == {CHAFF.name}
    assert not any(named.values())
    assert grades["eve"].score < WHOLE_POINTS
