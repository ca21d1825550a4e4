"""Further correct solutions of `load_metrics`, and known-wrong ones."""

from __future__ import annotations

import math
from collections import Counter
from typing import Any

import numpy as np
import torch

from reference.moe_routing_in_practice.load_metrics import exercise, load_metrics
from reference.moe_routing_in_practice.load_metrics.checks import (
    balanced_and_collapsed,
    no_routed_token,
    padding,
    random_routings,
    wrong_arguments,
)

Mask = torch.Tensor | None


@exercise.wheat
def in_numpy(indices: torch.Tensor, num_experts: int, token_mask: Mask = None) -> dict[str, Any]:
    """NumPy, with the Gini coefficient from the sorted counts."""
    if num_experts <= 1:
        raise ValueError("too few experts")
    if indices.numel() and not 0 <= indices.min() <= indices.max() < num_experts:
        raise ValueError("impossible index")
    table = indices.numpy()
    if token_mask is not None:
        table = table[token_mask.bool().numpy()]
    counts = np.zeros(num_experts, dtype=np.int64)
    np.add.at(counts, table.ravel(), 1)
    total = counts.sum()
    result = {
        "counts": torch.from_numpy(counts),
        "dead_experts": np.flatnonzero(counts == 0).tolist(),
    }
    if total == 0:
        return {**result, "max_violation": 0, "cv_squared": 0, "entropy": 1, "gini": 0}
    share = counts / total
    used = share[share > 0]
    rank = np.arange(1, num_experts + 1)
    weighted = ((2 * rank - num_experts - 1) * np.sort(counts)).sum()
    return {
        **result,
        "max_violation": counts.max() / counts.mean() - 1,
        "cv_squared": (counts.std() / counts.mean()) ** 2,
        "entropy": -(used * np.log(used)).sum() / np.log(num_experts),
        "gini": weighted / (num_experts * total),
    }


@exercise.wheat
def plain_python(
    indices: torch.Tensor, num_experts: int, token_mask: Mask = None
) -> dict[str, Any]:
    """A Counter and sums over lists."""
    if num_experts < 2:
        raise ValueError("too few experts")
    rows = indices.tolist()
    if any(e not in range(num_experts) for row in rows for e in row):
        raise ValueError("impossible index")
    real = [True] * len(rows) if token_mask is None else [bool(m) for m in token_mask]
    counter = Counter(e for row, keep in zip(rows, real, strict=True) if keep for e in row)
    n = [counter[e] for e in range(num_experts)]
    dead = [e for e in range(num_experts) if e not in counter]
    total = sum(n)
    if not total:
        numbers = [0.0, 0.0, 1.0, 0.0]
    else:
        mean = total / num_experts
        spread = sum((x - mean) ** 2 for x in n) / num_experts
        surprise = -sum(x / total * math.log(x / total) for x in n if x)
        apart = sum(abs(x - y) for x in n for y in n)
        numbers = [
            max(n) / mean - 1,
            spread / mean**2,
            surprise / math.log(num_experts),
            apart / (2 * num_experts * total),
        ]
    keys = ("max_violation", "cv_squared", "entropy", "gini")
    return {"counts": torch.tensor(n), "dead_experts": dead, **dict(zip(keys, numbers))}


@exercise.chaff(caught_by=balanced_and_collapsed)
def mean_of_used_experts(
    indices: torch.Tensor, num_experts: int, token_mask: Mask = None
) -> dict[str, Any]:
    """Takes the mean over the experts that are used: dead experts then look like good balance."""
    metrics = load_metrics(indices, num_experts, token_mask)
    counts = metrics["counts"].double()
    if counts.sum() > 0:
        metrics["max_violation"] = float(counts.max() / counts[counts > 0].mean() - 1)
    return metrics


@exercise.chaff(caught_by=random_routings)
def largest_deviation(
    indices: torch.Tensor, num_experts: int, token_mask: Mask = None
) -> dict[str, Any]:
    """Takes the largest deviation in either direction; only too *many* tokens are a violation."""
    metrics = load_metrics(indices, num_experts, token_mask)
    if metrics["counts"].any():
        loads = metrics["counts"].double()
        metrics["max_violation"] = float((loads / loads.mean() - 1).abs().max())
    return metrics


@exercise.chaff(caught_by=balanced_and_collapsed)
def sample_variance(
    indices: torch.Tensor, num_experts: int, token_mask: Mask = None
) -> dict[str, Any]:
    """Divides by E − 1 in the variance, as torch does. The exercise asks for the population's."""
    metrics = load_metrics(indices, num_experts, token_mask)
    return {**metrics, "cv_squared": metrics["cv_squared"] * num_experts / (num_experts - 1)}


@exercise.chaff(caught_by=balanced_and_collapsed)
def entropy_of_used_experts(
    indices: torch.Tensor, num_experts: int, token_mask: Mask = None
) -> dict[str, Any]:
    """Divides the entropy by the log of the number of experts in use, not of all."""
    metrics = load_metrics(indices, num_experts, token_mask)
    used = num_experts - len(metrics["dead_experts"])
    if used > 1:
        metrics["entropy"] *= math.log(num_experts) / math.log(used)
    return metrics


@exercise.chaff(caught_by=balanced_and_collapsed)
def gini_corrected(
    indices: torch.Tensor, num_experts: int, token_mask: Mask = None
) -> dict[str, Any]:
    """Multiplies the Gini coefficient by E / (E − 1), so that a collapse gives 1."""
    metrics = load_metrics(indices, num_experts, token_mask)
    return {**metrics, "gini": metrics["gini"] * num_experts / (num_experts - 1)}


@exercise.chaff(caught_by=balanced_and_collapsed)
def gini_of_unsorted_counts(
    indices: torch.Tensor, num_experts: int, token_mask: Mask = None
) -> dict[str, Any]:
    """Uses the rank formula of the Gini coefficient on counts that were not sorted first."""
    metrics = load_metrics(indices, num_experts, token_mask)
    counts = metrics["counts"].double()
    rank = torch.arange(1, num_experts + 1)
    total = counts.sum()
    if total > 0:
        weighted = ((2 * rank - num_experts - 1) * counts).sum()
        metrics["gini"] = float(weighted / (num_experts * total))
    return metrics


@exercise.chaff(caught_by=padding)
def counts_padding(
    indices: torch.Tensor, num_experts: int, token_mask: Mask = None
) -> dict[str, Any]:
    """Ignores the mask. Padding is routed too, but it is no load that anybody trains on."""
    return load_metrics(indices, num_experts)


@exercise.chaff(caught_by=padding)
def indexes_with_the_mask(
    indices: torch.Tensor, num_experts: int, token_mask: Mask = None
) -> dict[str, Any]:
    """Indexes with the mask as it comes: integers 0 and 1 then pick rows 0 and 1."""
    kept = indices if token_mask is None else indices[token_mask]
    return load_metrics(kept, num_experts)


@exercise.chaff(caught_by=no_routed_token)
def nan_without_tokens(
    indices: torch.Tensor, num_experts: int, token_mask: Mask = None
) -> dict[str, Any]:
    """Divides by a mean of 0 where no token was routed."""
    metrics = load_metrics(indices, num_experts, token_mask)
    if not metrics["counts"].any():
        metrics.update(max_violation=math.nan, cv_squared=math.nan, gini=math.nan)
    return metrics


@exercise.chaff(caught_by=no_routed_token)
def no_entropy_without_tokens(
    indices: torch.Tensor, num_experts: int, token_mask: Mask = None
) -> dict[str, Any]:
    """Returns entropy 0 where no token was routed, which would look like a collapse."""
    metrics = load_metrics(indices, num_experts, token_mask)
    return metrics if metrics["counts"].any() else {**metrics, "entropy": 0.0}


@exercise.chaff(caught_by=wrong_arguments)
def grows_with_the_indices(
    indices: torch.Tensor, num_experts: int, token_mask: Mask = None
) -> dict[str, Any]:
    """Lets bincount add experts for indices that are too large: they are a ValueError."""
    largest = int(indices.max()) + 1 if indices.numel() else 0
    return load_metrics(indices, max(num_experts, largest), token_mask)


@exercise.chaff(caught_by=wrong_arguments)
def negative_indices_from_the_end(
    indices: torch.Tensor, num_experts: int, token_mask: Mask = None
) -> dict[str, Any]:
    """Lets -1 mean the last expert, as indexing in Python does: here it is a ValueError."""
    return load_metrics(
        torch.where(indices < 0, indices + num_experts, indices), num_experts, token_mask
    )


@exercise.chaff(caught_by=wrong_arguments)
def accepts_a_single_expert(
    indices: torch.Tensor, num_experts: int, token_mask: Mask = None
) -> dict[str, Any]:
    """Accepts a single expert, for which ln E is 0 and balance means nothing."""
    if num_experts == 1:
        return {"counts": torch.tensor([indices.numel()]), "dead_experts": []}
    return load_metrics(indices, num_experts, token_mask)


@exercise.chaff(caught_by=balanced_and_collapsed)
def counts_as_a_list(
    indices: torch.Tensor, num_experts: int, token_mask: Mask = None
) -> dict[str, Any]:
    """Returns the counts as a Python list. The exercise asks for an int64 tensor."""
    metrics = load_metrics(indices, num_experts, token_mask)
    return {**metrics, "counts": metrics["counts"].tolist()}


@exercise.chaff(caught_by=padding)
def mean_from_the_mask(
    indices: torch.Tensor, num_experts: int, token_mask: Mask = None
) -> dict[str, Any]:
    """Takes the mean from the sum of the mask in its own dtype: bfloat16 holds whole numbers to 256
    only. Add up the counts."""
    metrics = load_metrics(indices, num_experts, token_mask)
    if token_mask is None or not token_mask.any():
        return metrics
    mean = float(token_mask.sum()) * indices.shape[1] / num_experts
    return {**metrics, "max_violation": float(metrics["counts"].max()) / mean - 1}
