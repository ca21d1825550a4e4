"""The lab's text: its cells run with the reference solutions, and its numbers are right."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import Any

import matplotlib as mpl
import numpy as np
import pytest
import torch
import transformers
from matplotlib import pyplot as plt
from transformers.models.mixtral.modeling_mixtral import load_balancing_loss_func

from autograder.authoring.assignment import Prose
from moe_lab import load_model, load_tokenizer
from reference.moe_router_analysis import assignment

SOLUTIONS = {exercise.name: exercise.solution_function for exercise in assignment.exercises}
PROSE = [p.file for p in (*assignment.parts, *assignment.closing) if isinstance(p, Prose)]
CODE = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)


def text_of(file: str) -> str:
    return (assignment.folder / "prose" / file).read_text(encoding="utf-8")


def says(file: str, *passages: str) -> bool:
    text = " ".join(text_of(file).split())
    return all(passage in text for passage in passages)


@pytest.fixture(scope="module")
def lab_names() -> Iterator[dict[str, Any]]:
    """The names that all code cells leave behind, run in order with the reference solutions."""
    backend = mpl.get_backend()
    plt.switch_backend("agg")
    names: dict[str, Any] = {
        **SOLUTIONS,
        "load_model": load_model,
        "load_tokenizer": load_tokenizer,
    }
    kept: dict[str, Any] = {}
    for file in PROSE:
        for number, cell in enumerate(CODE.findall(text_of(file)), start=1):
            exec(compile(cell, f"{file}, cell {number}", "exec"), names)
            kept.update(names)
    yield kept
    plt.close("all")
    plt.switch_backend(backend)


def test_every_file_of_prose_is_used_and_every_cell_runs(lab_names: dict[str, Any]) -> None:
    files = {path.name for path in (assignment.folder / "prose").iterdir()}
    assert files == set(PROSE)
    assert {"weights", "load", "scenarios", "logits", "small"} <= lab_names.keys()


def test_the_tiny_model_is_as_described(lab_names: dict[str, Any]) -> None:
    routers = SOLUTIONS["find_router_layers"](lab_names["model"])
    config = lab_names["model"].config
    assert (len(routers), config.num_experts, config.num_experts_per_tok) == (3, 12, 3)
    assert says("introduction.md", "3 MoE layers of 12 experts, 3 of them per token")
    load = lab_names["load"]
    chance = math.sqrt(load["expected_per_expert"] * (1 - load["top_k"] / load["num_experts"]))
    assert (round(chance), round(load["actual_std"])) == (7, 47)
    assert says("load_pictures.md", "about 7, against a measured 47")
    for text in lab_names["texts"]:
        counts = SOLUTIONS["analyze_load_distribution"](
            lab_names["model"], lab_names["tokenizer"], [text]
        )["expert_counts"]
        assert sorted(sorted(counts, key=counts.get)[-3:]) == [2, 3, 7]
    norms = SOLUTIONS["router_weight_statistics"](lab_names["weights"])["norms"]
    second = int(norms.argsort(descending=True)[1])
    assert load["expert_counts"][second] < load["expected_per_expert"]


def test_training_the_routers_improves_their_balance(lab_names: dict[str, Any]) -> None:
    usage = SOLUTIONS["monitor_expert_usage"]
    (before,) = usage(load_model(), [lab_names["line"]])
    (after,) = usage(lab_names["small"], [lab_names["line"]])
    for layer in range(3):
        key = f"router/layer_{layer}"
        assert after[f"{key}/entropy"] > before[f"{key}/entropy"]
        assert after[f"{key}/max_violation"] < before[f"{key}/max_violation"]


def test_the_sizes_of_real_models_are_right() -> None:
    with torch.device("meta"):
        mixtral = transformers.MixtralForCausalLM(transformers.MixtralConfig())
        olmoe = transformers.OlmoeForCausalLM(transformers.OlmoeConfig(intermediate_size=1024))
    sizes = []
    for model, unused in ((mixtral, 1 - 2 / 8), (olmoe, 1 - 8 / 64)):
        total = sum(p.numel() for p in model.parameters())
        experts = sum(p.numel() for name, p in model.named_parameters() if ".experts." in name)
        sizes += [f"{total / 1e9:.1f}", f"{(total - unused * experts) / 1e9:.1f}"]
    assert sizes == ["46.7", "12.9", "6.9", "1.3"]
    assert says("introduction.md", "46.7 billion", "12.9 billion", "6.9 billion and uses 1.3")
    routers = sum(m.weight.numel() for _, m in SOLUTIONS["find_router_layers"](mixtral))
    assert routers == 32 * 8 * 4096
    assert round(sum(p.numel() for p in mixtral.parameters()) / routers, -3) == 45_000


def test_what_the_text_says_of_transformers_holds() -> None:
    for family in ("Mixtral", "Olmoe", "Qwen2Moe", "Qwen3Moe"):
        assert getattr(transformers, f"{family}Config")().output_router_logits is False
    assert not hasattr(transformers.utils.import_utils, "is_torch_fx_available")
    logits = torch.randn(4096, 8, generator=torch.Generator().manual_seed(0))
    for k in (1, 2, 4):
        theirs = float(load_balancing_loss_func((logits,), 8, k))
        ours = float(SOLUTIONS["compute_switch_loss"](logits, k))
        assert theirs == pytest.approx(k * ours, rel=1e-4)


def test_the_numbers_on_chance_and_weights_are_right() -> None:
    rng = np.random.default_rng(0)

    def thrown(tokens: int, k: int) -> np.ndarray:
        chosen = rng.random((tokens, 64)).argpartition(k, axis=1)[:, :k]
        return np.bincount(chosen.ravel(), minlength=64)

    few = np.stack([thrown(100, 2) for _ in range(300)])
    assert round(few.mean(), 1) == 3.1
    assert round(few.std(axis=1).mean(), 1) == 1.7
    assert round((few > 1.5 * 3.125).sum(axis=1).mean()) == 13
    assert round((few < 0.5 * 3.125).sum(axis=1).mean()) == 11
    assert round(float((1 - few.std(axis=1) / few.mean(axis=1)).mean()), 2) == pytest.approx(
        0.44, abs=0.011
    )
    assert round(math.sqrt(1250 * (1 - 8 / 64))) == 33
    assert round(1 - 33 / 1250, 2) == 0.97
    assert round(1 - math.sqrt(64 / 8 - 1), 2) == -1.65
    assert (round(1 / math.sqrt(32), 2), round(1 / math.sqrt(2048), 3)) == (0.18, 0.022)
    assert says("load.md", "3.1 tokens", "about 1.7", '13 "overloaded" and 11', "1,250 ± 33")


def test_the_blind_spots_of_the_losses_are_as_told(lab_names: dict[str, Any]) -> None:
    lab, switch = SOLUTIONS["compute_load_balancing_loss"], SOLUTIONS["compute_switch_loss"]
    hair = lab_names["by_a_hair"]
    assert (f"{lab(hair, 1):.4f}", f"{switch(hair, 1):.4f}") == ("1.0000", "1.0009")
    pushes = []
    for loss in (lab, switch):
        leaf = hair.clone().requires_grad_()
        (gradient,) = torch.autograd.grad(loss(leaf, 1), leaf)
        pushes.append(float(gradient[:, 0].sum()))
    assert (f"{pushes[0]:.4f}", f"{pushes[1]:.2f}") == ("0.0002", "0.88")
    alarm = torch.log(torch.tensor([[0.9, 0.1], [0.45, 0.55]]))
    assert (f"{lab(alarm, 1):.2f}", f"{switch(alarm, 1):.2f}") == ("1.12", "1.00")
    low = torch.log(torch.tensor([[0.36, 0.35, 0.29]] * 6 + [[0.01, 0.50, 0.49]] * 4))
    assert f"{switch(low, 1):.2f}" == "0.89"
    assert says("loss_pictures.md", "1.0000", "1.0009", "0.88", "0.0002", "1.12", "0.89")
    assert torch.tensor(1001.0).bfloat16() == torch.tensor(1000.0).bfloat16()


def test_the_numbers_on_top_k_are_right() -> None:
    logits = torch.tensor([2.0, 1, 0, 0, 0, 0, 0, 0])
    before, after = logits.softmax(dim=0)[:2], logits[:2].softmax(dim=0)
    numbers = [f"{value:.3f}" for value in (*before, before.sum(), *after)]
    assert numbers == ["0.459", "0.169", "0.627", "0.731", "0.269"]
    assert says("top_k.md", "0.459 and 0.169", "0.627", "0.731 and 0.269", "2.72", "4.4 billion")
    assert (math.comb(8, 2), f"{math.comb(64, 8) / 1e9:.1f}") == (28, "4.4")


def not_written(*args: Any, **kwargs: Any) -> Any:
    raise NotImplementedError


def test_before_anything_is_written_a_cell_works_or_says_what_is_not_written() -> None:
    given = {"load_model": load_model, "load_tokenizer": load_tokenizer, "__name__": "lab"}
    names: dict[str, Any] = {**dict.fromkeys(SOLUTIONS, not_written), **given}
    ended = []
    for file in PROSE:
        for cell in CODE.findall(text_of(file)):
            try:
                exec(compile(cell, file, "exec"), names)
            except NotImplementedError:
                ended.append(file)
    assert "weight_pictures.md" in ended
    assert "clean_up.md" not in ended
