"""Parts of the usual solution of `route`, for wrong ones to be made of."""

from __future__ import annotations

import inspect
from typing import Any

import torch

from reference.moe_routing_in_practice.route import route

Routed = tuple[torch.Tensor, torch.Tensor]


def settings_of(*args: Any, **kwargs: Any) -> dict[str, Any]:
    bound = inspect.signature(route).bind(*args, **kwargs)
    bound.apply_defaults()
    return dict(bound.arguments)


def scores_of(settings: dict[str, Any]) -> torch.Tensor:
    logits: torch.Tensor = settings["logits"].float()
    if settings["scoring"] == "sqrtsoftplus":
        return torch.nn.functional.softplus(logits).sqrt()
    return logits.sigmoid() if settings["scoring"] == "sigmoid" else logits.softmax(dim=-1)


def weights_of(
    scores: torch.Tensor, indices: torch.Tensor, settings: dict[str, Any]
) -> torch.Tensor:
    weights = scores.gather(1, indices)
    if settings["norm_topk"]:
        weights = weights / (weights.sum(dim=-1, keepdim=True) + 1e-20)
    scaled: torch.Tensor = weights * settings["scale"]
    return scaled
