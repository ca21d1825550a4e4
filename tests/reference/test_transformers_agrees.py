"""The references of the labs and transformers' own routers and loss, on the same logits.

What differs, and is meant to:

* transformers' routers return a token's experts in any order (`sorted=False`), `route` best first.
* Its Mixtral router divides the weights by their sum without the 1e-20; gpt_oss and granitemoe take
  the softmax of the selected logits, which is the same number.
* Its DeepSeek-V2 router scores a group by the single best expert (`group_best=1`), puts 0 in the
  place of other groups' scores, and never normalises.
* `load_balancing_loss_func` counts a token k times: its loss is k times exercise 9's. And it pools
  all layers: counts and probabilities are added up before they are multiplied. Exercises 14 and 25
  take the mean over the layers of each layer's own loss.
"""

from __future__ import annotations

import importlib
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import nn
from transformers.models.mixtral.modeling_mixtral import load_balancing_loss_func

from reference.moe_router_analysis.compute_switch_loss import compute_switch_loss
from reference.moe_routing_in_practice.route import route

TOKENS, HIDDEN, EXPERTS, TOP_K = 60, 16, 16, 4
SETTINGS = SimpleNamespace(
    hidden_size=HIDDEN,
    num_experts=EXPERTS,
    num_local_experts=EXPERTS,
    num_experts_per_tok=TOP_K,
    routed_scaling_factor=2.5,
    n_group=4,
    topk_group=2,
)
NORMALISED = {"norm_topk": True}
GROUPS = {"n_group": 4, "topk_group": 2, "scale": 2.5}
ROUTERS: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "mixtral": ("MixtralTopKRouter", {}, NORMALISED),
    "olmoe": ("OlmoeTopKRouter", {"norm_topk_prob": False}, {}),
    "qwen2_moe": ("Qwen2MoeTopKRouter", {"norm_topk_prob": False}, {}),
    "qwen3_moe": ("Qwen3MoeTopKRouter", {"norm_topk_prob": True}, NORMALISED),
    "gpt_oss": ("GptOssTopKRouter", {}, NORMALISED),
    "granitemoe": ("GraniteMoeTopKRouter", {}, NORMALISED),
    "deepseek_v2": (
        "DeepseekV2TopkRouter",
        {"topk_method": "group_limited_greedy"},
        {**GROUPS, "group_best": 1},
    ),
    "deepseek_v3": (
        "DeepseekV3TopkRouter",
        {"norm_topk_prob": True},
        {**GROUPS, "scoring": "sigmoid", "norm_topk": True},
    ),
    "deepseek_v4": (
        "DeepseekV4TopKRouter",
        {"scoring_func": "sqrtsoftplus"},
        {"scoring": "sqrtsoftplus", "norm_topk": True, "scale": 2.5},
    ),
}


def router_of(family: str) -> Any:
    """The family's router as transformers has it, with random weights and biases."""
    name, settings, _ = ROUTERS[family]
    module = importlib.import_module(f"transformers.models.{family}.modeling_{family}")
    router: nn.Module = getattr(module, name)(SimpleNamespace(**vars(SETTINGS), **settings))
    torch.manual_seed(sorted(ROUTERS).index(family))
    with torch.no_grad():
        for values in (*router.parameters(), *router.buffers()):
            values.copy_(0.3 * torch.randn(values.shape))
    return router


def by_expert(indices: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    return torch.zeros(len(indices), EXPERTS).scatter(1, indices, weights)


@pytest.mark.parametrize("family", ROUTERS)
def test_route_with_the_familys_settings_chooses_and_weighs_as_transformers_does(
    family: str,
) -> None:
    router = router_of(family)
    with torch.no_grad():
        logits, weights, indices = router(torch.randn(TOKENS, HIDDEN))
    bias = getattr(router, "e_score_correction_bias", None)

    ours = route(logits, TOP_K, bias=bias, **ROUTERS[family][2])

    torch.testing.assert_close(by_expert(*ours), by_expert(indices, weights))
    assert (by_expert(*ours) > 0).sum() == TOKENS * TOP_K


def test_deepseek_v2s_rule_and_v3s_choose_different_experts() -> None:
    torch.manual_seed(0)
    logits = torch.randn(2_000, 160)  # its shape: 6 of 160 experts, from 3 of 8 groups
    one, two = (
        route(logits, 6, n_group=8, topk_group=3, group_best=best)[0].sort(dim=1).values
        for best in (1, 2)
    )
    differ = float((one != two).any(dim=1).float().mean())
    assert 0.3 < differ < 0.4  # of tokens with logits of the standard normal distribution


def layers(*seeds: int) -> tuple[torch.Tensor, ...]:
    return tuple(
        3 * torch.randn(50, 8, generator=torch.Generator().manual_seed(seed)) for seed in seeds
    )


@pytest.mark.parametrize("top_k", [1, 2, 4])
def test_the_switch_loss_of_one_layer_is_transformers_by_k(top_k: int) -> None:
    (logits,) = layers(1)
    mask = torch.arange(50) % 7 > 0
    for token_mask in (None, mask):
        attention_mask = None if token_mask is None else token_mask.long().reshape(5, 10)
        theirs = load_balancing_loss_func((logits,), 8, top_k, attention_mask)
        ours = compute_switch_loss(logits, top_k, token_mask)
        assert float(theirs) == pytest.approx(top_k * float(ours), rel=1e-5)


def test_transformers_pools_the_layers_as_if_they_were_one() -> None:
    several = layers(1, 2, 3)
    pooled = float(load_balancing_loss_func(several, 8, 2)) / 2
    assert pooled == pytest.approx(float(compute_switch_loss(torch.cat(several), 2)), rel=1e-5)
    each = [float(compute_switch_loss(logits, 2)) for logits in several]
    assert pooled != pytest.approx(sum(each) / 3, rel=1e-3)


def test_two_layers_that_collapsed_onto_different_experts_look_balanced_when_pooled() -> None:
    first = torch.tensor([[30.0, 0.0]]).repeat(20, 1)
    second = first.flip(1)
    pooled = float(load_balancing_loss_func((first, second), 2, 1))
    each = [float(compute_switch_loss(logits, 1)) for logits in (first, second)]
    assert pooled == pytest.approx(1.0)
    assert each == pytest.approx([2.0, 2.0])
