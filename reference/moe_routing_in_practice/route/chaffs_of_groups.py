"""Known-wrong solutions of `route` that err in the groups of experts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from reference.moe_routing_in_practice.route._usual import (
    Routed,
    scores_of,
    settings_of,
    weights_of,
)
from reference.moe_routing_in_practice.route.checks import (
    best_groups,
    negative_biased_scores,
    tied_groups,
)
from reference.moe_routing_in_practice.route.solution import exercise, route

Scores = Callable[[torch.Tensor], torch.Tensor]


@exercise.chaff(caught_by=(best_groups, negative_biased_scores))
def ignores_the_groups(logits: torch.Tensor, top_k: int, *args: Any, **kwargs: Any) -> Routed:
    """Selects among all experts, where only those of the best groups may be chosen."""
    settings = settings_of(logits, top_k, *args, **kwargs)
    route(**settings)
    return route(**{**settings, "n_group": 1, "topk_group": 1})


@exercise.chaff(caught_by=(best_groups, negative_biased_scores))
def best_expert_of_a_group(logits: torch.Tensor, top_k: int, *args: Any, **kwargs: Any) -> Routed:
    """Scores a group by its best expert, as DeepSeek-V2 does; here the two best count."""
    return _by_groups(settings_of(logits, top_k, *args, **kwargs), lambda b: b.amax(dim=-1))


@exercise.chaff(caught_by=best_groups)
def sum_of_a_group(logits: torch.Tensor, top_k: int, *args: Any, **kwargs: Any) -> Routed:
    """Scores a group by the sum (or mean) of all its experts; only the two best count."""
    return _by_groups(settings_of(logits, top_k, *args, **kwargs), lambda b: b.sum(dim=-1))


@exercise.chaff(caught_by=(best_groups, negative_biased_scores))
def groups_by_unbiased_scores(
    logits: torch.Tensor, top_k: int, *args: Any, **kwargs: Any
) -> Routed:
    """Scores the groups without the bias. The bias decides on groups as on experts."""
    settings = settings_of(logits, top_k, *args, **kwargs)
    return _by_groups(settings, _two_best, unbiased=True)


@exercise.chaff(caught_by=(best_groups, negative_biased_scores))
def every_other_expert_in_a_group(
    logits: torch.Tensor, top_k: int, *args: Any, **kwargs: Any
) -> Routed:
    """Deals experts out to the groups in turn. A group is a run of consecutive experts."""
    settings = settings_of(logits, top_k, *args, **kwargs)
    groups = settings["n_group"]
    if groups < 2 or logits.shape[1] % groups:
        return route(**settings)
    order = torch.arange(logits.shape[1]).reshape(-1, groups).T.flatten()
    settings["logits"] = logits[:, order]
    if settings["bias"] is not None:
        settings["bias"] = settings["bias"][order]
    indices, weights = route(**settings)
    return order[indices], weights


@exercise.chaff(caught_by=negative_biased_scores)
def zero_outside_the_groups(logits: torch.Tensor, top_k: int, *args: Any, **kwargs: Any) -> Routed:
    """Sets biased scores outside the chosen groups to 0, which beats every negative score.

    Use -inf.
    """
    settings = settings_of(logits, top_k, *args, **kwargs)
    return _by_groups(settings, _two_best, closed=0.0)


def _two_best(grouped: torch.Tensor) -> torch.Tensor:
    return grouped.topk(2, dim=-1).values.sum(dim=-1)


def _by_groups(
    settings: dict[str, Any],
    group_score: Scores,
    *,
    closed: float = float("-inf"),
    unbiased: bool = False,
) -> Routed:
    """The reference's selection with another score of groups, or another mask."""
    indices, weights = route(**settings)
    if settings["n_group"] == 1:
        return indices, weights
    scores = scores_of(settings)
    biased = scores if settings["bias"] is None else scores + settings["bias"]
    grouped = (scores if unbiased else biased).reshape(len(scores), settings["n_group"], -1)
    judged = group_score(grouped)
    best = judged.topk(settings["topk_group"], dim=-1).indices
    is_open = torch.zeros_like(judged).scatter(1, best, 1.0).bool()
    is_open = is_open.repeat_interleave(scores.shape[1] // settings["n_group"], dim=1)
    indices = biased.masked_fill(~is_open, closed).topk(settings["top_k"], dim=-1).indices
    return indices, weights_of(scores, indices, settings)


@exercise.chaff(caught_by=tied_groups)
def groups_by_threshold(
    logits: torch.Tensor,
    top_k: int,
    scoring: str = "softmax",
    norm_topk: bool = False,
    bias: torch.Tensor | None = None,
    n_group: int = 1,
    topk_group: int = 1,
    scale: float = 1.0,
) -> Routed:
    """Keeps every group that scores at least as much as the last chosen one. Where groups have
    equal scores these are more than `topk_group`: select groups by index, not by a threshold."""
    indices, weights = route(logits, top_k, scoring, norm_topk, bias, n_group, topk_group, scale)
    if n_group == 1:
        return indices, weights
    values = logits.float()
    scores = values.softmax(-1) if scoring == "softmax" else values.sigmoid()
    grouped = (scores if bias is None else scores + bias).reshape(len(scores), n_group, -1)
    best = grouped.topk(2, dim=-1).values.sum(dim=-1)
    closed = best < best.topk(topk_group, dim=-1).values[:, -1:]
    indices = grouped.masked_fill(closed[..., None], -torch.inf).flatten(1).topk(top_k).indices
    weights = scores.gather(1, indices)
    if norm_topk:
        weights = weights / (weights.sum(dim=-1, keepdim=True) + 1e-20)
    return indices, weights * scale
