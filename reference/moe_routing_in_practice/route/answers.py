"""Known-wrong solutions of `route`, but for those that err in the groups."""

from __future__ import annotations

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
    bias_selects_and_does_not_weigh,
    biased_selection,
    low_precision_and_large_logits,
    negative_biased_scores,
    scores_and_weights,
    softmax_by_default,
    wrong_arguments,
)
from reference.moe_routing_in_practice.route.solution import exercise, route


@exercise.chaff(
    caught_by=(
        bias_selects_and_does_not_weigh,
        biased_selection,
        best_groups,
        negative_biased_scores,
    )
)
def weights_with_the_bias(logits: torch.Tensor, top_k: int, *args: Any, **kwargs: Any) -> Routed:
    """Takes the weights from the biased scores. The bias only decides on the selection."""
    settings = settings_of(logits, top_k, *args, **kwargs)
    indices, weights = route(**settings)
    if settings["bias"] is None:
        return indices, weights
    return indices, weights_of(scores_of(settings) + settings["bias"], indices, settings)


@exercise.chaff(
    caught_by=(
        bias_selects_and_does_not_weigh,
        biased_selection,
        best_groups,
        negative_biased_scores,
    )
)
def ignores_the_bias(logits: torch.Tensor, top_k: int, *args: Any, **kwargs: Any) -> Routed:
    """Selects by the scores alone, so a bias can never shift any load."""
    return route(**{**settings_of(logits, top_k, *args, **kwargs), "bias": None})


@exercise.chaff(
    caught_by=(
        bias_selects_and_does_not_weigh,
        biased_selection,
        best_groups,
        negative_biased_scores,
    )
)
def bias_on_the_logits(logits: torch.Tensor, top_k: int, *args: Any, **kwargs: Any) -> Routed:
    """Adds the bias to the logits, before softmax or sigmoid. It belongs to the scores."""
    settings = settings_of(logits, top_k, *args, **kwargs)
    if settings["bias"] is not None:
        settings["logits"] = logits.float() + settings["bias"]
    return route(**{**settings, "bias": None})


@exercise.chaff(
    caught_by=(
        bias_selects_and_does_not_weigh,
        biased_selection,
        best_groups,
        negative_biased_scores,
    )
)
def largest_weight_first(logits: torch.Tensor, top_k: int, *args: Any, **kwargs: Any) -> Routed:
    """Orders the selected experts by weight. Best first means: by biased score."""
    indices, weights = route(**settings_of(logits, top_k, *args, **kwargs))
    weights, order = weights.sort(dim=-1, descending=True, stable=True)
    return indices.gather(1, order), weights


@exercise.chaff(
    caught_by=(
        softmax_by_default,
        bias_selects_and_does_not_weigh,
        scores_and_weights,
        biased_selection,
        best_groups,
        negative_biased_scores,
        low_precision_and_large_logits,
    )
)
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


@exercise.chaff(
    caught_by=(
        softmax_by_default,
        scores_and_weights,
        biased_selection,
        best_groups,
        low_precision_and_large_logits,
    )
)
def scale_before_the_norm(logits: torch.Tensor, top_k: int, *args: Any, **kwargs: Any) -> Routed:
    """Scales first and normalises then, which takes the scale out again."""
    settings = settings_of(logits, top_k, *args, **kwargs)
    return route(**{**settings, "scale": 1.0} if settings["norm_topk"] else settings)


@exercise.chaff(caught_by=(scores_and_weights, biased_selection))
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
    """Takes every scoring but "softmax" for the sigmoid, misspelt ones included."""
    settings = settings_of(logits, top_k, *args, **kwargs)
    scoring = "softmax" if settings["scoring"] == "softmax" else "sigmoid"
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


@exercise.chaff(
    caught_by=(
        softmax_by_default,
        bias_selects_and_does_not_weigh,
        scores_and_weights,
        biased_selection,
        best_groups,
        negative_biased_scores,
        low_precision_and_large_logits,
        wrong_arguments,
    )
)
def weights_first(logits: torch.Tensor, top_k: int, *args: Any, **kwargs: Any) -> Routed:
    """Returns (weights, indices), as torch.topk does. The exercise asks for (indices, weights)."""
    indices, weights = route(**settings_of(logits, top_k, *args, **kwargs))
    return weights, indices
