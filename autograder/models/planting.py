"""Planted routing at full scale: weights made on the device, expert counts from token ids alone."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import numpy as np
import torch
from torch import nn
from transformers import PretrainedConfig, PreTrainedModel

from autograder.models.choice import ModelChoice
from autograder.models.errors import ModelError
from moe_lab.families import FAMILIES
from moe_lab.planted import CLASSES, ChoiceRule, RoutingPlan, draw_plan, plant, routers_of

_KNOWN = tuple(family.name for family in FAMILIES)
SOFTMAX = tuple(family.name for family in FAMILIES if family.softmax)


def plan_for(choice: ModelChoice, model: PreTrainedModel, seed: str) -> RoutingPlan:
    """The ground truth of a planted full-scale model, the same in every process of a run.

    Raises `ModelError` for a model of a type whose routing nobody planted yet.
    """
    config = model.config
    if config.model_type not in _KNOWN:
        raise ModelError(
            f"--model {choice.name}: weights can be planted for {', '.join(_KNOWN)}, not for "
            f"{config.model_type!r}. Give a folder that holds weights as well."
        )
    routers = routers_of(model)
    if not routers:
        raise ModelError(f"--model {choice.name}: by its config no layer has experts.")
    if config.hidden_size % CLASSES:
        raise ModelError(
            f"--model {choice.name}: weights can be planted where {CLASSES} divides the hidden "
            f"size, which is {config.hidden_size}."
        )
    experts = int(routers[0].weight.shape[0])
    try:
        return draw_plan(
            _rng(seed, "plan", choice.name),
            _rule(config),
            routers=len(routers),
            experts=experts,
            vocabulary=config.vocab_size,
        )
    except RuntimeError as error:
        raise ModelError(
            f"--model {choice.name}: no routing with a clear choice was found for {experts} "
            f"experts, {config.num_experts_per_tok} of them per token."
        ) from error


def plant_routers(
    choice: ModelChoice, model: PreTrainedModel, plan: RoutingPlan, seed: str
) -> None:
    """Give the routers of a model without weights theirs, on the CPU: what checks compare with."""
    for router in routers_of(model):
        router.to_empty(device="cpu")
    plant(model, plan, _rng(seed, "directions", choice.name))


@torch.no_grad()
def fill(choice: ModelChoice, model: PreTrainedModel, plan: RoutingPlan, seed: str) -> None:
    """Write all weights of a model that has memory: random ones, then what decides its routing."""
    device = next(model.parameters()).device
    generator = torch.Generator(device).manual_seed(_number(seed, "weights", choice.name))
    scale = model.config.hidden_size**-0.5
    for parameter in model.parameters():
        made = (
            parameter if parameter.device == device else torch.empty_like(parameter, device=device)
        )
        made.normal_(0, scale, generator=generator)
        if made is not parameter:
            parameter.copy_(made)
    for module in model.modules():
        if any(True for _ in module.buffers(recurse=False)):
            model._init_weights(module)  # e.g. the frequencies of rotary embeddings
    plant(model, plan, _rng(seed, "directions", choice.name))


def router_names(model: nn.Module) -> tuple[str, ...]:
    """Qualified names of the routers of a model of a known family, in order."""
    return tuple(_names(model))


def _names(model: nn.Module) -> Iterator[str]:
    known = {id(router) for router in routers_of(model)}
    for name, module in model.named_modules():
        if id(module) in known:
            yield name


def _rule(config: PretrainedConfig) -> ChoiceRule:
    """How the routers of this config choose; compare the families of the tiny bench."""
    rule = {"top_k": config.num_experts_per_tok}
    grouped = config.model_type == "deepseek_v3" or (
        config.model_type == "deepseek_v2" and config.topk_method == "group_limited_greedy"
    )
    if grouped:
        rule |= {"n_group": config.n_group or 1, "topk_group": config.topk_group or 1}
    if config.model_type == "deepseek_v3":
        return ChoiceRule(**rule, group_best=2, biased_sigmoid=True)
    return ChoiceRule(**rule)


def _rng(*purpose: str) -> np.random.Generator:
    return np.random.default_rng(_number(*purpose))


def _number(*purpose: str) -> int:
    digest = hashlib.sha256("\0".join(("full scale", *purpose)).encode()).digest()
    return int.from_bytes(digest[:7], "big")
