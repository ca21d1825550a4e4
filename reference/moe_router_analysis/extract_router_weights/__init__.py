r"""# Extract a router's weights

A router is a matrix $W \in \mathbb{R}^{E \times d}$ (E experts, hidden size d): row $e$ is compared
with the hidden state $x$ of a token by a dot product, and $W x$ are the token's *router logits*.
To look at the rows you want a copy of your own, so that nothing you do to it can harm the model.

Write `extract_router_weights(model, layer_idx=0)`.

- [weight] It returns **the [E, d] weight of the `layer_idx`-th router** of the model.
- [counting] Routers are counted as `find_router_layers` finds them, from 0. Dense layers do not
  count: with two dense layers at the bottom, index 0 is still the first *router*.
- [copy] The result is a **copy** that is detached from the graph (`requires_grad` is false) and in
  **float32**, also when the model computes in bfloat16 or float16. Changing it must not change the
  model. (`.detach()` and `.float()` do not copy what is float32 already.)
- [none] Where there is no such router, the result is `None`: for an index that is too large, for a
  model without routers, and for any negative index. Python would count a negative index from the
  end; here it is simply no router.

You may use your `find_router_layers`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import nn

from autograder import Exercise
from moe_lab.bench import Bench
from moelab_kit.calls import Answer
from moelab_kit.compare import EXACT, difference, kind_of
from reference.moe_router_analysis._drawn import draw, router_names
from reference.moe_router_analysis._routing import find_routers
from reference.moe_router_analysis.find_router_layers import find_router_layers

exercise = Exercise("extract_router_weights")


@exercise.solution
def extract_router_weights(model: nn.Module, layer_idx: int = 0) -> torch.Tensor | None:
    """Copy the weight of one router.

    Args:
        model: any PyTorch module; usually a language model of transformers.
        layer_idx: which router, counted among the model's routers from 0.

    Returns:
        The [E, d] weight as a detached float32 copy; `None` where there is no such router (a
        negative index is no such router).
    """
    routers = find_routers(model)
    if not 0 <= layer_idx < len(routers):
        return None
    return routers[layer_idx].weight.detach().to(torch.float32, copy=True)


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


@exercise.wheat
def clones_a_named_parameter(model: Any, layer_idx: int = 0) -> torch.Tensor | None:
    """Reads the weight out of the parameters by its name."""
    names = [f"{name}.weight" for name, _ in find_router_layers(model)]
    if layer_idx not in range(len(names)):
        return None
    parameters: dict[str, torch.Tensor] = dict(model.named_parameters())
    return parameters[names[layer_idx]].clone().detach().to(torch.float32)


@exercise.wheat
def copies_through_numpy(model: Any, layer_idx: int = 0) -> torch.Tensor | None:
    """Goes through a NumPy array, which is copied."""
    for index, (_, router) in enumerate(find_router_layers(model)):
        if index == layer_idx:
            return torch.tensor(router.get_parameter("weight").detach().float().cpu().numpy())
    return None


@exercise.chaff(caught_by=gives_a_copy_in_float32)
def returns_a_view(model: Any, layer_idx: int = 0) -> torch.Tensor | None:
    """`.detach().float()` gives the parameter's own memory when it is float32 already; changing
    the result would change the model. Copy it."""
    routers = find_router_layers(model)
    if not 0 <= layer_idx < len(routers):
        return None
    return routers[layer_idx][1].get_parameter("weight").detach().float()


@exercise.chaff(caught_by=gives_a_copy_in_float32)
def keeps_the_dtype(model: Any, layer_idx: int = 0) -> torch.Tensor | None:
    """Keeps the model's dtype. Results are float32, also for a model in bfloat16."""
    routers = find_router_layers(model)
    if not 0 <= layer_idx < len(routers):
        return None
    return routers[layer_idx][1].get_parameter("weight").detach().clone()


@exercise.chaff(caught_by=gives_none_where_there_is_no_router)
def counts_from_the_end(model: Any, layer_idx: int = 0) -> torch.Tensor | None:
    """Takes a negative index as Python does, from the end. Here it is no router."""
    try:
        router = find_router_layers(model)[layer_idx][1]
    except IndexError:
        return None
    return torch.clone(router.get_parameter("weight").detach()).float()


@exercise.chaff(caught_by=gives_none_where_there_is_no_router)
def raises_beyond_the_last_router(model: Any, layer_idx: int = 0) -> torch.Tensor | None:
    """Raises an error where there is no such router. The result should be `None`."""
    if layer_idx < 0:
        return None
    router = find_router_layers(model)[layer_idx][1]
    return torch.clone(router.get_parameter("weight").detach()).float()


@exercise.chaff(caught_by=(counts_routers_instead_of_layers, gives_none_where_there_is_no_router))
def counts_layers(model: Any, layer_idx: int = 0) -> torch.Tensor | None:
    """Takes `layer_idx` as the number of a decoder layer. It counts routers: in a model whose
    first layer is dense, router 0 stands in layer 1."""
    for name, router in find_router_layers(model):
        if f"layers.{layer_idx}." in name:
            return router.get_parameter("weight").detach().clone().float()
    return None


@exercise.chaff(
    caught_by=(
        copies_the_weights_of_olmoe,
        counts_routers_instead_of_layers,
        gives_none_where_there_is_no_router,
        gives_a_copy_in_float32,
    )
)
def transposes(model: Any, layer_idx: int = 0) -> torch.Tensor | None:
    """Returns the matrix transposed. Its shape should be [E, d]: one row per expert."""
    weights = extract_router_weights(model, layer_idx)
    return None if weights is None else weights.T.contiguous()


@exercise.chaff(
    caught_by=(
        copies_the_weights_of_olmoe,
        counts_routers_instead_of_layers,
        gives_none_where_there_is_no_router,
        gives_a_copy_in_float32,
    )
)
def keeps_the_gradient(model: Any, layer_idx: int = 0) -> torch.Tensor | None:
    """Clones the parameter without detaching it, so the result still belongs to the graph."""
    routers = find_router_layers(model)
    if not 0 <= layer_idx < len(routers):
        return None
    return routers[layer_idx][1].get_parameter("weight").to(torch.float32, copy=True)
