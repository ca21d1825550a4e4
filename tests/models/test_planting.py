"""Planted routing at the numbers of experts of real models, in both precisions."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from autograder.models.bench import planted_for_checks
from autograder.models.choice import ModelChoice, choose
from autograder.models.errors import ModelError
from autograder.models.shapes import SHAPES
from autograder.models.structure import structure
from autograder.serving.fit import arrange
from autograder.serving.weights import Weights

PARAMETERS = {  # in millions, as the model cards say
    "deepseek-v2-lite": 15_706,
    "olmoe-1b-7b": 6_919,
    "qwen3-30b-a3b": 30_532,
    "gpt-oss-20b": 20_915,
}
FAMILIES = ("olmoe", "qwen3_moe", "gpt_oss", "deepseek_v2", "deepseek_v3")


def chosen(folder: Path) -> ModelChoice:
    found = choose(str(folder))
    assert found is not None
    return found


@pytest.mark.parametrize("name", SHAPES)
def test_a_named_shape_has_the_parameters_of_the_published_model(name: str) -> None:
    model = structure(ModelChoice(name=name), "cpu")
    millions = sum(parameter.numel() for parameter in model.parameters()) / 1e6
    assert round(millions) == PARAMETERS[name]


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("family", FAMILIES)
def test_expert_counts_equal_the_closed_form_in_integers(
    shape: Callable[..., Path], family: str, dtype: str
) -> None:
    choice = chosen(shape(family, dtype=dtype))
    model = Weights(choice, "cpu", "seed").model
    side = planted_for_checks(choice, "cpu", "seed")
    outputs: dict[str, Any] = {}
    for name in side.router_names:
        model.get_submodule(name).register_forward_hook(
            lambda _, __, out, name=name: outputs.__setitem__(name, out)
        )
    ids = torch.randint(0, 256, (2, 37), generator=torch.Generator().manual_seed(3))
    mask = torch.ones_like(ids)
    mask[1, :5] = 0
    with torch.no_grad():
        model(ids, attention_mask=mask)
    assert side.routing is not None
    assert len(side.router_names) == side.routing.num_routers
    for index, name in enumerate(side.router_names):
        slots = outputs[name][2][mask.reshape(-1) == 1]
        counted = torch.bincount(slots.reshape(-1), minlength=side.routing.num_experts)
        assert torch.equal(counted, side.routing.counts(index, ids, mask))


@pytest.mark.parametrize("family", FAMILIES)
def test_checks_hold_the_same_router_weights_as_the_model(
    shape: Callable[..., Path], family: str
) -> None:
    choice = chosen(shape(family))
    model = Weights(choice, "cpu", "seed").model
    side = planted_for_checks(choice, "cpu", "seed")
    for name in side.router_names:
        held = side.model.get_submodule(name).weight
        assert torch.equal(held, model.get_submodule(name).weight)
        assert held.dtype == torch.bfloat16


def test_other_seeds_give_other_routing(shape: Callable[..., Path]) -> None:
    choice = chosen(shape("olmoe"))
    ids = torch.arange(256)[None]
    one, other = (planted_for_checks(choice, "cpu", seed).routing for seed in ("one", "other"))
    assert one is not None
    assert other is not None
    assert not torch.equal(one.counts(0, ids), other.counts(0, ids))


def test_a_shape_of_an_unknown_family_is_refused_with_what_to_do(tmp_path: Path) -> None:
    config = {"model_type": "llama", "vocab_size": 300, "hidden_size": 32, "num_hidden_layers": 1}
    (tmp_path / "config.json").write_text(json.dumps(config), encoding="utf-8")
    with pytest.raises(ModelError, match=r"not for 'llama'. Give a folder that holds weights"):
        Weights(chosen(tmp_path), "cpu", "seed")


def test_a_hidden_size_in_which_nothing_can_be_planted_is_refused(
    shape: Callable[..., Path],
) -> None:
    with pytest.raises(ModelError, match="16 divides the hidden size, which is 72"):
        Weights(chosen(shape("olmoe", hidden_size=72)), "cpu", "seed")


def test_a_model_that_does_not_fit_says_what_it_needs_and_what_there_is(
    shape: Callable[..., Path],
) -> None:
    folder = shape("olmoe", hidden_size=1 << 16, vocab_size=1 << 26)
    with pytest.raises(ModelError, match=r"needs \d+\.\d GB in this machine's memory, and"):
        arrange([chosen(folder)], (), 8 << 30)
