"""Further correct solutions of `compare_top_k`, and known-wrong ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from reference.moe_router_analysis.compare_top_k import compare_top_k, exercise
from reference.moe_router_analysis.compare_top_k.checks import (
    Comparison,
    low_precision,
    one_token_and_logits_far_apart,
    random_logits,
    worked_example,
    wrong_arguments,
)


@exercise.wheat
def sorted_once(logits: torch.Tensor, top_ks: Sequence[int] = (1, 2, 4)) -> Comparison:
    """Sorts once, and looks at the first k columns of that for each k; tensors as numbers."""
    if any(k not in range(1, logits.shape[1] + 1) for k in top_ks):
        raise ValueError(top_ks)
    values, order = logits.float().sort(dim=-1, descending=True)
    result: Comparison = {}
    for k in top_ks:
        w = 1 / torch.exp(values[:, :k] - values[:, :1]).sum(dim=-1)
        used = torch.zeros(logits.shape[1], dtype=torch.bool)
        used[order[:, :k].reshape(-1)] = True
        result[k] = {
            "mean_first_expert_weight": w.mean(),
            "std_first_expert_weight": w.std() if len(w) > 1 else 0.0,
            "experts_used": used.sum(),
        }
    return result


@exercise.wheat
def plain_python(logits: torch.Tensor, top_ks: Sequence[int] = (1, 2, 4)) -> Comparison:
    """Lists, sets and the statistics of NumPy."""
    rows = logits.tolist()
    if min(top_ks) < 1 or max(top_ks) > logits.shape[1]:
        raise ValueError("k must be 1..E")
    result: Comparison = {}
    for k in top_ks:
        first, used = [], set()
        for row in rows:
            chosen = sorted(range(len(row)), key=lambda e, row=row: -row[e])[:k]  # type: ignore[misc]
            e = np.exp(np.array([row[i] for i in chosen]) - row[chosen[0]])
            first.append(e[0] / e.sum())
            used.update(chosen)
        result[k] = {
            "mean_first_expert_weight": np.mean(first),
            "std_first_expert_weight": np.std(first, ddof=1) if len(first) > 1 else 0.0,
            "experts_used": len(used),
        }
    return result


@exercise.chaff(caught_by=worked_example)
def softmax_over_all_experts(logits: torch.Tensor, top_ks: Sequence[int] = (1, 2, 4)) -> Comparison:
    """Takes the weights from the softmax over all experts, not over the k selected ones."""
    result = compare_top_k(logits, top_ks)
    first = torch.softmax(logits.float(), dim=-1).max(dim=-1).values
    return {k: {**entry, **_statistics(first)} for k, entry in result.items()}


@exercise.chaff(caught_by=worked_example)
def mean_of_all_weights(logits: torch.Tensor, top_ks: Sequence[int] = (1, 2, 4)) -> Comparison:
    """Takes the mean over all k weights of a token, which is always 1/k."""
    result: Comparison = {**compare_top_k(logits, top_ks)}
    return {k: {**entry, "mean_first_expert_weight": 1 / k} for k, entry in result.items()}


@exercise.chaff(caught_by=random_logits)
def population_standard_deviation(
    logits: torch.Tensor, top_ks: Sequence[int] = (1, 2, 4)
) -> Comparison:
    """Divides by n in the standard deviation (as `np.std` does) where n − 1 was asked for."""
    result: Comparison = {**compare_top_k(logits, top_ks)}
    shrink = ((len(logits) - 1) / len(logits)) ** 0.5
    for entry in result.values():
        entry["std_first_expert_weight"] *= shrink
    return result


@exercise.chaff(caught_by=worked_example)
def experts_used_as_first_choice(
    logits: torch.Tensor, top_ks: Sequence[int] = (1, 2, 4)
) -> Comparison:
    """Counts experts that are somebody's best. All k slots of a token count."""
    result: Comparison = {**compare_top_k(logits, top_ks)}
    used = len(set(logits.argmax(dim=-1).tolist()))
    return {k: {**entry, "experts_used": used} for k, entry in result.items()}


@exercise.chaff(caught_by=random_logits)
def never_forgets_a_used_expert(
    logits: torch.Tensor, top_ks: Sequence[int] = (1, 2, 4)
) -> Comparison:
    """Collects the used experts of all k in one set that is never emptied."""
    result: Comparison = {**compare_top_k(logits, top_ks)}
    most = 0
    for entry in result.values():
        most = entry["experts_used"] = max(most, entry["experts_used"])
    return result


@exercise.chaff(caught_by=worked_example)
def cuts_the_weights_of_the_largest_k(
    logits: torch.Tensor, top_ks: Sequence[int] = (1, 2, 4)
) -> Comparison:
    """Computes the weights once for the largest k. For a smaller k they no longer add up to 1."""
    result = compare_top_k(logits, top_ks)
    largest = result[max(top_ks)]
    keys = ("mean_first_expert_weight", "std_first_expert_weight")
    return {k: {**entry, **{key: largest[key] for key in keys}} for k, entry in result.items()}


@exercise.chaff(caught_by=low_precision)
def softmax_in_half_precision(
    logits: torch.Tensor, top_ks: Sequence[int] = (1, 2, 4)
) -> Comparison:
    """Takes the softmax in the logits' own dtype: bfloat16 keeps only two or three digits."""
    result: Comparison = {**compare_top_k(logits, top_ks)}
    for k, entry in result.items():
        if logits.dtype != torch.float32:
            first = torch.softmax(logits.topk(k, dim=-1).values, dim=-1)[:, 0].float()
            entry.update(_statistics(first))
    return result


@exercise.chaff(caught_by=one_token_and_logits_far_apart)
def nan_for_one_token(logits: torch.Tensor, top_ks: Sequence[int] = (1, 2, 4)) -> Comparison:
    """Divides by n − 1 = 0 for a single token, which gives NaN. The deviation is then 0.0."""
    result: Comparison = {**compare_top_k(logits, top_ks)}
    for entry in result.values():
        if len(logits) == 1:
            entry["std_first_expert_weight"] = float("nan")
    return result


@exercise.chaff(caught_by=one_token_and_logits_far_apart)
def counts_experts_with_a_weight(
    logits: torch.Tensor, top_ks: Sequence[int] = (1, 2, 4)
) -> Comparison:
    """Counts experts whose weights add up to more than 0: a selected one's may round to 0."""
    result: Comparison = {**compare_top_k(logits, top_ks)}
    for k, entry in result.items():
        selected, chosen = logits.float().topk(k, dim=-1)
        weights = torch.softmax(selected, dim=-1).flatten()
        sums = torch.bincount(chosen.flatten(), weights=weights, minlength=logits.shape[1])
        entry["experts_used"] = int((sums > 0).sum())
    return result


@exercise.chaff(caught_by=wrong_arguments)
def looks_at_the_first_k_only(
    logits: torch.Tensor, top_ks: Sequence[int] = (1, 2, 4)
) -> Comparison:
    """Checks only the first k, and leaves out later ones that are not possible."""
    compare_top_k(logits, top_ks[:1])
    return {**compare_top_k(logits, [k for k in top_ks if 1 <= k <= logits.shape[1]])}


@exercise.chaff(caught_by=wrong_arguments)
def accepts_k_zero(logits: torch.Tensor, top_ks: Sequence[int] = (1, 2, 4)) -> Comparison:
    """Checks only for a k that is too large; 0 and less are impossible as well."""
    result: Comparison = {k: {"experts_used": 0} for k in top_ks if k < 1}
    return {**result, **compare_top_k(logits, [k for k in top_ks if k >= 1])}


@exercise.chaff(caught_by=wrong_arguments)
def changes_the_logits(logits: torch.Tensor, top_ks: Sequence[int] = (1, 2, 4)) -> Comparison:
    """Masks chosen experts with -inf in the caller's own logits. Work on a copy."""
    result: Comparison = {**compare_top_k(logits, top_ks)}
    logits.scatter_(1, logits.argmax(dim=-1, keepdim=True), float("-inf"))
    return result


@exercise.chaff(caught_by=wrong_arguments)
def sorts_the_callers_list(logits: torch.Tensor, top_ks: Sequence[int] = (1, 2, 4)) -> Comparison:
    """Sorts the list of the caller. `sorted` gives a new one."""
    if isinstance(top_ks, list):
        top_ks.sort()
    return {**compare_top_k(logits, top_ks)}


@exercise.chaff(caught_by=worked_example)
def keys_as_text(
    logits: torch.Tensor, top_ks: Sequence[int] = (1, 2, 4)
) -> dict[str, dict[str, Any]]:
    """Uses "k=2" and the like as keys. The exercise asks for the number k itself."""
    return {f"k={k}": entry for k, entry in compare_top_k(logits, top_ks).items()}


def _statistics(first: torch.Tensor) -> dict[str, float]:
    return {
        "mean_first_expert_weight": first.mean().item(),
        "std_first_expert_weight": first.std().item() if len(first) > 1 else 0.0,
    }
