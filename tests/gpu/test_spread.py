"""One copy of a model on several devices: some experts elsewhere, all else on the first GPU."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from checkpoints import save_native, save_remote
from families import FAMILIES, TEXT, build
from torch import nn

from autograder.authoring.course import load_assignment
from autograder.edition.source import script, solution_source
from autograder.grading.batch import Grading
from autograder.grading.settings import Settings
from autograder.inside.models import take_inputs_from_anywhere
from autograder.models.choice import choose
from autograder.models.device_map import compute_there, experts_of
from autograder.models.sharing import named_tensors
from autograder.models.structure import structure, weight_bytes
from autograder.records import Outcome
from autograder.sandbox.devices import gpus
from autograder.serving.placement import CONTEXT_BYTES, Placement
from autograder.serving.weights import Weights
from autograder.submission.discover import find_submissions
from moe_lab.tokenizer import byte_tokenizer
from reference.moe_router_analysis.analyze_load_distribution import analyze_load_distribution

pytestmark = pytest.mark.gpu


def spread(model: nn.Module, elsewhere: str) -> int:
    """Put all on the first GPU but the experts; returns how many of these there are."""
    away = dict.fromkeys(experts_of(model), elsewhere)
    model.to("cuda")
    for name in away:
        model.get_submodule(name).to(elsewhere)
    take_inputs_from_anywhere(model)
    compute_there(model, away)
    return len(away)


@pytest.mark.parametrize("family", FAMILIES)
def test_routers_decide_the_same_when_experts_are_elsewhere(family: str) -> None:
    model, other = build(family), build(family)
    other.load_state_dict(model.state_dict())
    take_inputs_from_anywhere(model.to("cuda"))
    tokenizer = byte_tokenizer()
    try:
        expected = analyze_load_distribution(model, tokenizer, [TEXT], layer_idx=0)
    except (RuntimeError, NotImplementedError) as error:
        pytest.skip(f"this family does not run on this GPU at all ({error})")
    if not spread(other, "cpu"):
        pytest.skip("nothing of this family can lie elsewhere")
    assert analyze_load_distribution(other, tokenizer, [TEXT], layer_idx=0) == expected


def save_planted(folder: Path) -> None:
    save_native(folder)
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    config |= {"num_local_experts": 40, "num_experts_per_tok": 4}
    for file in folder.iterdir():
        file.unlink()
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")


@pytest.mark.sandbox
@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize("make", [save_native, save_remote, save_planted])
def test_a_class_is_graded_on_a_copy_that_one_gpu_does_not_hold(
    make: Callable[[Path], None], count: int, course: str, tmp_path: Path
) -> None:
    there = gpus()[:count]
    if len(there) < count:
        pytest.skip("there is one GPU")
    make(tmp_path)
    choice = choose(str(tmp_path), trust_remote_code=True)
    assert choice is not None
    model = structure(choice, "cuda")
    half = weight_bytes(model) - sum(experts_of(model).values()) // 2
    memory = half + 3 * CONTEXT_BYTES
    placements = tuple(Placement(gpus=(gpu,), memory=memory) for gpu in there)
    exercises = load_assignment("moe_router_analysis").exercises
    file = tmp_path / "solution.py"
    file.write_text(script([solution_source(one, one.solution_function) for one in exercises]))
    found = find_submissions((file,))
    settings = Settings(seed="spread", course=course, placements=placements)
    with Grading(settings, 2, (choice,)) as grading:
        assert grading.copies == 1
        grades = list(grading.run("lab", found))
    failed = [
        (grade.student, check.name, check.message)
        for grade in grades
        for exercise in grade.exercises
        for check in exercise.checks
        if check.outcome is not Outcome.PASSED
    ]
    assert not failed
    assert not any(grade.notes for grade in grades)


def test_changes_are_found_where_others_can_write_and_made_good(tmp_path: Path) -> None:
    save_native(tmp_path)
    choice = choose(str(tmp_path))
    assert choice is not None
    names = list(experts_of(structure(choice, "cuda")))
    away = {names[0]: "cpu", names[1]: f"cuda:{torch.cuda.device_count() - 1}"}
    weights = Weights(choice, "cuda:0", "seed", away=away)
    tensors = named_tensors(weights.model)
    devices = {
        name: str(tensor.device) for name, tensor in tensors.items() if name.startswith(names[0])
    }
    assert set(devices.values()) == {"cpu"}
    changed = next(tensor for name, tensor in tensors.items() if name.startswith(names[1]))
    before = changed.clone()
    with torch.no_grad():
        changed[0] += 1
    assert weights.verify() == 1
    assert torch.equal(changed, before)
    ids = torch.arange(20, device="cuda")[None]
    with torch.no_grad():
        assert weights.model(ids).logits.device.type == "cuda"
