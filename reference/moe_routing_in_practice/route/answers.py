"""Further correct solutions of `route`, and known-wrong ones."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from reference.moe_routing_in_practice.route import exercise, route
from reference.moe_routing_in_practice.route._usual import (
    Routed,
    scores_of,
    settings_of,
    weights_of,
)
from reference.moe_routing_in_practice.route.checks import (
    best_groups,
    bias_selects_and_does_not_weigh,
    biased_selection,
    low_precision_and_large_logits,
    negative_biased_scores,
    scores_and_weights,
    softmax_by_default,
    softplus_scores,
    tied_groups,
    who_speaks_for_a_group,
    wrong_arguments,
)


@exercise.wheat
def in_numpy(
    logits: torch.Tensor,
    top_k: int,
    scoring: str = "softmax",
    norm_topk: bool = False,
    bias: torch.Tensor | None = None,
    n_group: int = 1,
    topk_group: int = 1,
    scale: float = 1.0,
    group_best: int = 2,
) -> Routed:
    """Token by token in NumPy, with sorted lists of groups and experts."""
    num_experts = logits.size(1)
    if scoring not in ("softmax", "sigmoid", "sqrtsoftplus"):
        raise ValueError(scoring)
    if n_group < 1 or num_experts % n_group != 0 or (n_group > 1 and num_experts < 2 * n_group):
        raise ValueError("n_group")
    if topk_group < 1 or topk_group > n_group:
        raise ValueError("topk_group")
    size = num_experts // n_group
    if top_k < 1 or top_k > size * topk_group:
        raise ValueError("top_k")
    if n_group > 1 and group_best not in range(1, size + 1):
        raise ValueError("group_best")
    offset = np.zeros(num_experts) if bias is None else bias.double().numpy()
    chosen, weighed = [], []
    for z in logits.double().numpy():
        if scoring == "softmax":
            e = np.exp(z - z.max())
            s = e / e.sum()
        elif scoring == "sqrtsoftplus":
            s = np.sqrt(np.logaddexp(0.0, z))
        else:
            s = np.exp(-np.logaddexp(0.0, -z))
        b = s + offset
        members = [range(g * size, (g + 1) * size) for g in range(n_group)]
        members.sort(key=lambda group, b=b: -sum(sorted(b[e] for e in group)[-group_best:]))  # type: ignore[misc]
        open_experts = [e for group in members[:topk_group] for e in group]
        open_experts.sort(key=lambda e, b=b: b[e], reverse=True)  # type: ignore[misc]
        w = s[open_experts[:top_k]]
        chosen.append(open_experts[:top_k])
        weighed.append((w / (w.sum() + 1e-20) if norm_topk else w) * scale)
    return torch.tensor(chosen), torch.tensor(np.array(weighed), dtype=torch.float32)


@exercise.wheat
def with_a_mask_of_groups(
    logits: torch.Tensor,
    top_k: int,
    scoring: str = "softmax",
    norm_topk: bool = False,
    bias: torch.Tensor | None = None,
    n_group: int = 1,
    topk_group: int = 1,
    scale: float = 1.0,
    group_best: int = 2,
) -> Routed:
    """As in transformers: view as groups, scatter a mask, repeat it over experts, sort."""
    tokens, experts = logits.shape
    functions: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
        "softmax": lambda z: z.softmax(-1),
        "sigmoid": torch.sigmoid,
        "sqrtsoftplus": lambda z: torch.logaddexp(z, torch.zeros_like(z)) ** 0.5,
    }
    possible = (
        scoring in functions
        and n_group >= 1
        and experts % n_group == 0
        and (n_group == 1 or experts // n_group >= 2)
        and 1 <= topk_group <= n_group
        and 1 <= top_k <= experts * topk_group // n_group
        and (n_group == 1 or 1 <= group_best <= experts // n_group)
    )
    if not possible:
        raise ValueError("these settings do not fit together")
    scores = functions[scoring](logits.to(torch.float32))
    choice = scores.clone()
    if bias is not None:
        choice = choice + bias
    if n_group != 1:
        grouped = choice.view(tokens, n_group, experts // n_group)
        ordered = grouped.sort(dim=-1, descending=True).values
        order = ordered[..., :group_best].sum(dim=-1).argsort(dim=-1, descending=True)
        mask = torch.zeros(tokens, n_group)
        mask.scatter_(1, order[:, :topk_group], 1.0)
        mask = mask.repeat_interleave(experts // n_group, dim=1)
        choice = torch.where(mask.bool(), choice, -torch.inf)
    indices = choice.argsort(dim=-1, descending=True)[:, :top_k]
    weights = torch.take_along_dim(scores, indices, dim=1)
    if norm_topk:
        weights /= weights.sum(dim=1, keepdim=True) + 1e-20
    return indices, weights.mul(scale)


@exercise.chaff(caught_by=bias_selects_and_does_not_weigh)
def weights_with_the_bias(logits: torch.Tensor, top_k: int, *args: Any, **kwargs: Any) -> Routed:
    """Takes the weights from the biased scores. The bias only decides on the selection."""
    settings = settings_of(logits, top_k, *args, **kwargs)
    indices, weights = route(**settings)
    if settings["bias"] is None:
        return indices, weights
    return indices, weights_of(scores_of(settings) + settings["bias"], indices, settings)


@exercise.chaff(caught_by=bias_selects_and_does_not_weigh)
def ignores_the_bias(logits: torch.Tensor, top_k: int, *args: Any, **kwargs: Any) -> Routed:
    """Selects by the scores alone, so a bias can never shift any load."""
    return route(**{**settings_of(logits, top_k, *args, **kwargs), "bias": None})


@exercise.chaff(caught_by=biased_selection)
def bias_on_the_logits(logits: torch.Tensor, top_k: int, *args: Any, **kwargs: Any) -> Routed:
    """Adds the bias to the logits, before softmax or sigmoid. It belongs to the scores."""
    settings = settings_of(logits, top_k, *args, **kwargs)
    if settings["bias"] is not None:
        settings["logits"] = logits.float() + settings["bias"]
    return route(**{**settings, "bias": None})


@exercise.chaff(caught_by=biased_selection)
def largest_weight_first(logits: torch.Tensor, top_k: int, *args: Any, **kwargs: Any) -> Routed:
    """Orders the selected experts by weight. Best first means: by biased score."""
    indices, weights = route(**settings_of(logits, top_k, *args, **kwargs))
    weights, order = weights.sort(dim=-1, descending=True, stable=True)
    return indices.gather(1, order), weights


@exercise.chaff(caught_by=softmax_by_default)
def softmax_over_the_selected(
    logits: torch.Tensor, top_k: int, *args: Any, **kwargs: Any
) -> Routed:
    """Takes the softmax over the selected logits, as Mixtral is often written.

    That is softmax scores with norm_topk, whatever scoring and norm_topk say.
    """
    settings = settings_of(logits, top_k, *args, **kwargs)
    indices, _ = route(**settings)
    weights = torch.softmax(logits.float().gather(1, indices), dim=-1)
    return indices, weights * settings["scale"]


@exercise.chaff(caught_by=softmax_by_default)
def scale_before_the_norm(logits: torch.Tensor, top_k: int, *args: Any, **kwargs: Any) -> Routed:
    """Scales first and normalises then, which takes the scale out again."""
    settings = settings_of(logits, top_k, *args, **kwargs)
    return route(**{**settings, "scale": 1.0} if settings["norm_topk"] else settings)


@exercise.chaff(caught_by=scores_and_weights)
def scale_only_normalised_weights(
    logits: torch.Tensor, top_k: int, *args: Any, **kwargs: Any
) -> Routed:
    """Applies the scale only together with norm_topk; weights are scaled in either case."""
    settings = settings_of(logits, top_k, *args, **kwargs)
    return route(**settings if settings["norm_topk"] else {**settings, "scale": 1.0})


@exercise.chaff(caught_by=biased_selection)
def divides_by_a_zero_sum(logits: torch.Tensor, top_k: int, *args: Any, **kwargs: Any) -> Routed:
    """Divides by the sum without the 1e-20: where all selected scores are 0, that is NaN."""
    settings = settings_of(logits, top_k, *args, **kwargs)
    indices, weights = route(**{**settings, "norm_topk": False, "scale": 1.0})
    if settings["norm_topk"]:
        weights = weights / weights.sum(dim=-1, keepdim=True)
    return indices, weights * settings["scale"]


@exercise.chaff(caught_by=scores_and_weights)
def too_large_an_epsilon(logits: torch.Tensor, top_k: int, *args: Any, **kwargs: Any) -> Routed:
    """Adds 1e-9 to the sum. Sigmoid scores can be as small as that; 1e-20 was asked for."""
    settings = settings_of(logits, top_k, *args, **kwargs)
    indices, weights = route(**{**settings, "norm_topk": False, "scale": 1.0})
    if settings["norm_topk"]:
        weights = weights / (weights.sum(dim=-1, keepdim=True) + 1e-9)
    return indices, weights * settings["scale"]


@exercise.chaff(caught_by=low_precision_and_large_logits)
def scores_in_half_precision(logits: torch.Tensor, top_k: int, *args: Any, **kwargs: Any) -> Routed:
    """Computes the scores in the logits' own dtype: bfloat16 keeps only two or three digits."""
    settings = settings_of(logits, top_k, *args, **kwargs)
    indices, weights = route(**settings)
    if logits.dtype == torch.float32:
        return indices, weights
    if settings["scoring"] == "sqrtsoftplus":
        return indices, weights
    scores = logits.sigmoid() if settings["scoring"] == "sigmoid" else logits.softmax(dim=-1)
    return indices, weights_of(scores.float(), indices, settings)


@exercise.chaff(caught_by=low_precision_and_large_logits)
def softmax_without_a_shift(logits: torch.Tensor, top_k: int, *args: Any, **kwargs: Any) -> Routed:
    """Divides exp(z) by its sum: exp overflows above 88 in float32, and the weights become NaN."""
    settings = settings_of(logits, top_k, *args, **kwargs)
    indices, weights = route(**settings)
    if settings["scoring"] == "softmax":
        e = logits.float().exp()
        weights = weights_of(e / e.sum(dim=-1, keepdim=True), indices, settings)
    return indices, weights


@exercise.chaff(caught_by=wrong_arguments)
def top_k_up_to_all_experts(logits: torch.Tensor, top_k: int, *args: Any, **kwargs: Any) -> Routed:
    """Accepts a top_k above the number of experts in the chosen groups."""
    settings = settings_of(logits, top_k, *args, **kwargs)
    eligible = logits.shape[1] * settings["topk_group"] // max(1, settings["n_group"])
    allowed = eligible if eligible < top_k <= logits.shape[1] else top_k
    return route(**{**settings, "top_k": max(allowed, min(top_k, 1))})


@exercise.chaff(caught_by=wrong_arguments)
def sigmoid_for_everything_else(
    logits: torch.Tensor, top_k: int, *args: Any, **kwargs: Any
) -> Routed:
    """Takes every scoring that it doesn't know for the sigmoid, misspelt ones included."""
    settings = settings_of(logits, top_k, *args, **kwargs)
    scoring = settings["scoring"]
    scoring = scoring if scoring in ("softmax", "sqrtsoftplus") else "sigmoid"
    return route(**{**settings, "scoring": scoring})


@exercise.chaff(caught_by=wrong_arguments)
def too_many_groups(logits: torch.Tensor, top_k: int, *args: Any, **kwargs: Any) -> Routed:
    """Cuts topk_group down to n_group. Asking for more groups than there are is a ValueError."""
    settings = settings_of(logits, top_k, *args, **kwargs)
    return route(**{**settings, "topk_group": min(settings["topk_group"], settings["n_group"])})


@exercise.chaff(caught_by=wrong_arguments)
def adds_the_bias_in_place(logits: torch.Tensor, top_k: int, *args: Any, **kwargs: Any) -> Routed:
    """Centres the bias in place (`-=`): the caller's tensor is changed. Work on a copy."""
    settings = settings_of(logits, top_k, *args, **kwargs)
    routed = route(**settings)
    if settings["bias"] is not None:
        settings["bias"] -= 0.5
    return routed


@exercise.chaff(caught_by=softmax_by_default)
def weights_first(logits: torch.Tensor, top_k: int, *args: Any, **kwargs: Any) -> Routed:
    """Returns (weights, indices), as torch.topk does. The exercise asks for (indices, weights)."""
    indices, weights = route(**settings_of(logits, top_k, *args, **kwargs))
    return weights, indices


Scores = Callable[[torch.Tensor], torch.Tensor]


@exercise.chaff(caught_by=best_groups)
def ignores_the_groups(logits: torch.Tensor, top_k: int, *args: Any, **kwargs: Any) -> Routed:
    """Selects among all experts, where only those of the best groups may be chosen."""
    settings = settings_of(logits, top_k, *args, **kwargs)
    route(**settings)
    return route(**{**settings, "n_group": 1, "topk_group": 1})


@exercise.chaff(caught_by=best_groups)
def best_expert_of_a_group(logits: torch.Tensor, top_k: int, *args: Any, **kwargs: Any) -> Routed:
    """Scores a group by its best expert, as DeepSeek-V2 does; here the two best count."""
    return _by_groups(settings_of(logits, top_k, *args, **kwargs), lambda b: b.amax(dim=-1))


@exercise.chaff(caught_by=best_groups)
def sum_of_a_group(logits: torch.Tensor, top_k: int, *args: Any, **kwargs: Any) -> Routed:
    """Scores a group by the sum (or mean) of all its experts; only the two best count."""
    return _by_groups(settings_of(logits, top_k, *args, **kwargs), lambda b: b.sum(dim=-1))


@exercise.chaff(caught_by=best_groups)
def groups_by_unbiased_scores(
    logits: torch.Tensor, top_k: int, *args: Any, **kwargs: Any
) -> Routed:
    """Scores the groups without the bias. The bias decides on groups as on experts."""
    settings = settings_of(logits, top_k, *args, **kwargs)
    return _by_groups(settings, _best_of(settings), unbiased=True)


@exercise.chaff(caught_by=best_groups)
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
    return _by_groups(settings, _best_of(settings), closed=0.0)


def _best_of(settings: dict[str, Any]) -> Scores:
    """The right score of groups."""
    return lambda grouped: grouped.topk(settings["group_best"], dim=-1).values.sum(dim=-1)


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
    group_best: int = 2,
) -> Routed:
    """Keeps every group that scores at least as much as the last chosen one. Where groups have
    equal scores these are more than `topk_group`: select groups by index, not by a threshold."""
    indices, weights = route(
        logits, top_k, scoring, norm_topk, bias, n_group, topk_group, scale, group_best
    )
    if n_group == 1:
        return indices, weights
    values = logits.float()
    scores = scores_of({"logits": values, "scoring": scoring})
    grouped = (scores if bias is None else scores + bias).reshape(len(scores), n_group, -1)
    best = grouped.topk(group_best, dim=-1).values.sum(dim=-1)
    closed = best < best.topk(topk_group, dim=-1).values[:, -1:]
    indices = grouped.masked_fill(closed[..., None], -torch.inf).flatten(1).topk(top_k).indices
    weights = scores.gather(1, indices)
    if norm_topk:
        weights = weights / (weights.sum(dim=-1, keepdim=True) + 1e-20)
    return indices, weights * scale


@exercise.chaff(caught_by=softplus_scores)
def softplus_without_the_root(
    logits: torch.Tensor, top_k: int, *args: Any, **kwargs: Any
) -> Routed:
    """Leaves the square root out: the score is the root of the softplus."""
    settings = settings_of(logits, top_k, *args, **kwargs)
    indices, weights = route(**settings)
    if settings["scoring"] != "sqrtsoftplus":
        return indices, weights
    return indices, weights_of(scores_of(settings).square(), indices, settings)


@exercise.chaff(caught_by=softplus_scores)
def softplus_that_overflows(logits: torch.Tensor, top_k: int, *args: Any, **kwargs: Any) -> Routed:
    """Computes ln(1 + exp(z)) as it stands: exp overflows above 88 in float32. Use softplus."""
    settings = settings_of(logits, top_k, *args, **kwargs)
    indices, weights = route(**settings)
    if settings["scoring"] != "sqrtsoftplus":
        return indices, weights
    return indices, weights_of((1 + logits.float().exp()).log().sqrt(), indices, settings)


@exercise.chaff(caught_by=who_speaks_for_a_group)
def always_the_two_best(logits: torch.Tensor, top_k: int, *args: Any, **kwargs: Any) -> Routed:
    """Adds up the two best scores of a group whatever `group_best` says: that is its default."""
    settings = settings_of(logits, top_k, *args, **kwargs)
    route(**settings)
    return route(**{**settings, "group_best": 2})


@exercise.chaff(caught_by=who_speaks_for_a_group)
def as_many_as_there_are(logits: torch.Tensor, top_k: int, *args: Any, **kwargs: Any) -> Routed:
    """Cuts `group_best` down to the experts of a group. More than there are is a ValueError."""
    settings = settings_of(logits, top_k, *args, **kwargs)
    if settings["n_group"] > 1:
        size = max(2, logits.shape[1] // settings["n_group"])
        settings["group_best"] = min(settings["group_best"], size)
    return route(**settings)
