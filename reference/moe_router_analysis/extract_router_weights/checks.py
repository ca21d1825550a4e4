"""The checks of `extract_router_weights`."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from moe_lab.bench import Bench
from moelab_kit.calls import Answer
from moelab_kit.compare import EXACT, difference, kind_of
from reference.moe_router_analysis._drawn import draw, router_names
from reference.moe_router_analysis.extract_router_weights import exercise


@exercise.law(points=1, proves=("weight", "copy"))
def copies_the_weights_of_olmoe(answer: Answer, bench: Bench) -> None:
    """Gives the [E, d] weights of the first and the last router of an OLMoE"""
    model = bench.model("olmoe")
    names = bench.router_names("olmoe")
    experts, hidden = model.config.num_experts, model.config.hidden_size
    for index in (0, len(names) - 1):
        weights = answer(model, index)
        assert isinstance(weights, torch.Tensor), (
            f"asked for the weights of router {index}, got {kind_of(weights)}, not a torch tensor"
        )
        assert tuple(weights.shape) == (experts, hidden), (
            f"the weights of router {index} should have shape [E, d] = [{experts}, {hidden}], "
            f"not {list(weights.shape)}"
        )
        assert weights.dtype == torch.float32, (
            f"the weights should be float32, not {str(weights.dtype).removeprefix('torch.')}"
        )
        assert not weights.requires_grad, (
            "the result still requires gradients: detach it from the model's parameter"
        )
        right = model.get_submodule(names[index]).weight
        assert torch.equal(weights, right), (
            f"these are not the weights of router {index}, which is {names[index]!r}"
        )
    assert torch.equal(answer(model), model.get_submodule(names[0]).weight), (
        "without a layer_idx, the first router is asked for"
    )


@exercise.law(points=1.5, proves=("counting", "names"), hidden=True)
def counts_routers_instead_of_layers(
    answer: Answer, rng: np.random.Generator, bench: Bench
) -> None:
    """Counts routers, not layers, in every family"""
    for family in bench.models:
        model, names = bench.model(family), bench.router_names(family)
        last = len(names) - 1
        _compare(answer(model, last), model.get_submodule(names[last]).weight)
    model = bench.base("deepseek_v3")
    first = bench.router_names("deepseek_v3")[0].removeprefix("model.")
    _compare(answer(model, layer_idx=0), model.get_submodule(first).weight)
    for family, held in (("qwen3_moe", ()), ("deepseek_v2", ("student", "teacher"))):
        recipe = draw(rng, family, layers=int(rng.integers(4, 9)), held=held, decoys=True)
        model, names = bench.drawn(recipe), router_names(recipe)
        index = int(rng.integers(1, len(names)))
        _compare(answer(model, index), model.get_submodule(names[index]).weight)


@exercise.law(points=1, proves="none", hidden=True)
def gives_none_where_there_is_no_router(answer: Answer, bench: Bench) -> None:
    """Gives None for an index that is no router, and for a model without routers"""
    model = bench.model("qwen2_moe")
    names = bench.router_names("qwen2_moe")
    last = len(names) - 1
    _compare(answer(model, last), model.get_submodule(names[last]).weight)
    for index in (last + 1, last + 50, -1, -last - 1, -last - 50):
        side = "too large" if index > 0 else "negative"
        assert answer(model, index) is None, f"for a {side} index there is no router: return None"
    assert answer(bench.dense(), 0) is None, "a dense model has no routers: return None"


@exercise.law(points=1.5, proves=("copy", "precision"), hidden=True)
def gives_a_copy_in_float32(answer: Answer, bench: Bench) -> None:
    """Gives a float32 copy that shares no memory with the model, whatever the model's dtype"""
    for dtype in (torch.float32, torch.bfloat16, torch.float16):
        model = bench.random("gpt_oss", dtype)
        weights = answer(model, 1)
        _compare(weights, model.get_submodule(bench.router_names("gpt_oss")[1]).weight)
        assert not answer.shares_memory, (
            "the result shares memory with the model: changing it would change the model"
        )
        assert not answer.left_behind, f"the model was not left as it was: {answer.left_behind}"


def _compare(got: Any, right: torch.Tensor) -> None:
    """Compare with a router's weight exactly; messages for hidden checks."""
    wrong = difference(got, right.detach().float(), EXACT)
    assert not wrong, f"asked for is that router's own weight, to the last digit; {wrong}"
    assert not got.requires_grad, "the result still requires gradients"
