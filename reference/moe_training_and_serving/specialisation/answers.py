"""Further correct solutions of `specialisation`, and known-wrong ones."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from reference.moe_training_and_serving.specialisation import checks, exercise, specialisation


@exercise.wheat
def with_numpy(
    indices: torch.Tensor, labels: torch.Tensor, num_experts: int, num_labels: int
) -> dict[str, Any]:
    """One-hot matrices in NumPy."""
    table, owner = indices.numpy(), labels.numpy()
    if table.size and not (table.min() >= 0 and table.max() < num_experts):
        raise ValueError("indices")
    if owner.size and not (owner.min() >= -1 and owner.max() < num_labels):
        raise ValueError("labels")
    used = np.zeros((len(table), num_experts))
    np.put_along_axis(used, table, 1, axis=1)
    member = owner[:, None] == np.arange(num_labels)
    counts = member.T.astype(float) @ used
    sizes = member.sum(axis=0)
    share = np.divide(counts, sizes[:, None], out=np.zeros_like(counts), where=sizes[:, None] > 0)
    known = sizes.sum()
    base = counts.sum(axis=0) / max(known, 1)
    lift = np.ones_like(share)
    possible = (sizes[:, None] > 0) & (base[None, :] > 0)
    np.divide(share, base[None, :], out=lift, where=possible)
    information = 0.0
    if known:
        p = counts / counts.sum()
        product = np.outer(p.sum(axis=1), p.sum(axis=0))
        some = p > 0
        information = float((p[some] * np.log2(p[some] / product[some])).sum())
    top = np.where(sizes > 0, share.argmax(axis=1), -1)
    return {
        "share": torch.tensor(share, dtype=torch.float32),
        "lift": torch.tensor(lift, dtype=torch.float32),
        "mutual_information": information,
        "top_expert": torch.tensor(top, dtype=torch.int64),
    }


@exercise.wheat
def token_by_token(
    indices: torch.Tensor, labels: torch.Tensor, num_experts: int, num_labels: int
) -> dict[str, Any]:
    """Counters and plain loops; information as a difference of entropies."""
    rows, owners = indices.tolist(), labels.tolist()
    if any(e not in range(num_experts) for row in rows for e in row):
        raise ValueError("an expert that does not exist")
    if any(d not in range(-1, num_labels) for d in owners):
        raise ValueError("a label that does not exist")
    pairs: Counter[tuple[int, int]] = Counter()
    sizes: Counter[int] = Counter()
    for row, d in zip(rows, owners, strict=True):
        if d != -1:
            sizes[d] += 1
            pairs.update((d, e) for e in row)
    known, slots = sum(sizes.values()), sum(pairs.values())
    of_expert: Counter[int] = Counter()
    of_label: Counter[int] = Counter()
    for (d, e), n in pairs.items():
        of_expert[e] += n
        of_label[d] += n
    share = torch.zeros(num_labels, num_experts)
    lift = torch.ones(num_labels, num_experts)
    top = []
    for d in range(num_labels):
        for e in range(num_experts):
            if sizes[d]:
                share[d, e] = pairs[d, e] / sizes[d]
                if of_expert[e]:
                    lift[d, e] = (pairs[d, e] * known) / (sizes[d] * of_expert[e])
        best = max(range(num_experts), key=lambda e, d=d: (pairs[d, e], -e))  # type: ignore[misc]
        top.append(best if sizes[d] else -1)

    def entropy(counter: Counter[Any]) -> float:
        return -sum(n / slots * math.log2(n / slots) for n in counter.values() if n)

    return {
        "share": share,
        "lift": lift,
        "mutual_information": entropy(of_expert) + entropy(of_label) - entropy(pairs),
        "top_expert": torch.tensor(top),
    }


def _counts(
    indices: torch.Tensor, labels: torch.Tensor, num_experts: int, num_labels: int
) -> torch.Tensor:
    """Labelled tokens with label d that use expert e, [num_labels, E]."""
    counts = torch.zeros(num_labels, num_experts)
    for row, label in zip(indices, labels, strict=True):
        if label >= 0:
            counts[label, row] += 1
    return counts


def _information(counts: torch.Tensor, log: Callable[[torch.Tensor], torch.Tensor]) -> float:
    joint = counts.double() / counts.sum().clamp(min=1)
    alone = joint.sum(1, keepdim=True) * joint.sum(0)
    some = joint > 0
    return float((joint[some] * log(joint[some] / alone[some])).sum())


@exercise.chaff(caught_by=checks.two_perfect_specialists)
def share_of_slots(
    indices: torch.Tensor, labels: torch.Tensor, num_experts: int, num_labels: int
) -> dict[str, Any]:
    """Divides by the label's slots, so that a row adds up to 1. A token that uses an expert counts
    in full: a row adds up to k."""
    right = specialisation(indices, labels, num_experts, num_labels)
    return {**right, "share": right["share"] / indices.shape[1]}


@exercise.chaff(caught_by=checks.nothing_to_tell)
def share_of_the_experts_tokens(
    indices: torch.Tensor, labels: torch.Tensor, num_experts: int, num_labels: int
) -> dict[str, Any]:
    """Divides by the tokens of the expert. That answers another question: of an expert's tokens,
    how many have this label?"""
    right = specialisation(indices, labels, num_experts, num_labels)
    counts = _counts(indices, labels, num_experts, num_labels)
    return {**right, "share": counts / counts.sum(0).clamp(min=1)}


@exercise.chaff(caught_by=checks.random_routings)
def counts_first_choices_only(
    indices: torch.Tensor, labels: torch.Tensor, num_experts: int, num_labels: int
) -> dict[str, Any]:
    """Looks at each token's first expert alone. A token uses an expert in any slot."""
    right = specialisation(indices, labels, num_experts, num_labels)
    first = specialisation(indices[:, :1], labels, num_experts, num_labels)
    return {**right, **first}


@exercise.chaff(caught_by=checks.nothing_to_tell)
def lift_over_uniform(
    indices: torch.Tensor, labels: torch.Tensor, num_experts: int, num_labels: int
) -> dict[str, Any]:
    """Compares with k/E, the share in perfect balance. Compare with the share of all labelled
    tokens: an expert that everybody likes is no specialist."""
    right = specialisation(indices, labels, num_experts, num_labels)
    lift = right["share"] * num_experts / indices.shape[1]
    used = _counts(indices, labels, num_experts, num_labels)
    known = (used.sum(1, keepdim=True) > 0) & (used.sum(0) > 0)
    return {**right, "lift": torch.where(known, lift, 1.0)}


@exercise.chaff(caught_by=checks.random_routings)
def lift_over_the_mean_of_labels(
    indices: torch.Tensor, labels: torch.Tensor, num_experts: int, num_labels: int
) -> dict[str, Any]:
    """Compares with the mean of the labels' shares. The share is that of all labelled tokens, in
    which a frequent label has more weight."""
    right = specialisation(indices, labels, num_experts, num_labels)
    used = _counts(indices, labels, num_experts, num_labels)
    known = (used.sum(1, keepdim=True) > 0) & (used.sum(0) > 0)
    some = (used.sum(1) > 0).sum().clamp(min=1)
    lift = right["share"] / (right["share"].sum(0) / some)
    return {**right, "lift": torch.where(known, lift, 1.0)}


@exercise.chaff(caught_by=checks.left_out)
def lift_over_all_tokens(
    indices: torch.Tensor, labels: torch.Tensor, num_experts: int, num_labels: int
) -> dict[str, Any]:
    """Lets tokens without a label take part in the share that the lift compares with."""
    right = specialisation(indices, labels, num_experts, num_labels)
    everything = torch.zeros(len(indices), num_experts).scatter(1, indices, 1.0)
    overall = everything.sum(0) / max(len(indices), 1)
    used = _counts(indices, labels, num_experts, num_labels)
    known = (used.sum(1, keepdim=True) > 0) & (used.sum(0) > 0)
    return {**right, "lift": torch.where(known, right["share"] / overall, 1.0)}


@exercise.chaff(caught_by=checks.left_out)
def minus_one_is_the_last_label(
    indices: torch.Tensor, labels: torch.Tensor, num_experts: int, num_labels: int
) -> dict[str, Any]:
    """Indexes with −1, which is the last row: tokens that should be left out count for the last
    label."""
    right = specialisation(indices, labels, num_experts, num_labels)
    if not bool((labels >= 0).any()):
        return right
    return specialisation(indices, labels % num_labels, num_experts, num_labels)


@exercise.chaff(caught_by=checks.two_perfect_specialists)
def in_nats(
    indices: torch.Tensor, labels: torch.Tensor, num_experts: int, num_labels: int
) -> dict[str, Any]:
    """Takes the natural logarithm. The exercise asks for bits: use log₂."""
    right = specialisation(indices, labels, num_experts, num_labels)
    return {**right, "mutual_information": right["mutual_information"] * math.log(2)}


@exercise.chaff(caught_by=checks.random_routings)
def weighs_labels_equally(
    indices: torch.Tensor, labels: torch.Tensor, num_experts: int, num_labels: int
) -> dict[str, Any]:
    """Takes every label for equally frequent. The slot is drawn from all slots, so that a label
    with more tokens has more of it."""
    right = specialisation(indices, labels, num_experts, num_labels)
    return {**right, "mutual_information": _information(right["share"], torch.log2)}


@exercise.chaff(caught_by=checks.two_perfect_specialists)
def nan_where_nothing_is(
    indices: torch.Tensor, labels: torch.Tensor, num_experts: int, num_labels: int
) -> dict[str, Any]:
    """Multiplies 0 by the logarithm of 0, which is NaN. By definition it is 0."""
    right = specialisation(indices, labels, num_experts, num_labels)
    counts = _counts(indices, labels, num_experts, num_labels)
    return right if bool((counts > 0).all()) else {**right, "mutual_information": math.nan}


@exercise.chaff(caught_by=checks.random_routings)
def top_expert_by_lift(
    indices: torch.Tensor, labels: torch.Tensor, num_experts: int, num_labels: int
) -> dict[str, Any]:
    """Takes the expert with the largest lift. The exercise asks for the largest share."""
    right = specialisation(indices, labels, num_experts, num_labels)
    best = torch.where(right["top_expert"] < 0, -1, right["lift"].argmax(1))
    return {**right, "top_expert": best}


@exercise.chaff(caught_by=checks.labels_and_experts_without_tokens)
def higher_of_equals(
    indices: torch.Tensor, labels: torch.Tensor, num_experts: int, num_labels: int
) -> dict[str, Any]:
    """Takes the last of equal shares. The lower expert comes first."""
    right = specialisation(indices, labels, num_experts, num_labels)
    last = num_experts - 1 - right["share"].flip(1).argmax(1)
    return {**right, "top_expert": torch.where(right["top_expert"] < 0, -1, last)}


@exercise.chaff(caught_by=checks.labels_and_experts_without_tokens)
def expert_0_for_an_empty_label(
    indices: torch.Tensor, labels: torch.Tensor, num_experts: int, num_labels: int
) -> dict[str, Any]:
    """Names expert 0 for a label without tokens, as `argmax` of zeros does. It has none: −1."""
    right = specialisation(indices, labels, num_experts, num_labels)
    return {**right, "top_expert": right["top_expert"].clamp(min=0)}


@exercise.chaff(caught_by=checks.labels_and_experts_without_tokens)
def no_lift_for_nothing(
    indices: torch.Tensor, labels: torch.Tensor, num_experts: int, num_labels: int
) -> dict[str, Any]:
    """Sets the lift to 0 where there is nothing to compare. There it is 1: neither more nor
    less."""
    right = specialisation(indices, labels, num_experts, num_labels)
    used = _counts(indices, labels, num_experts, num_labels)
    known = (used.sum(1, keepdim=True) > 0) & (used.sum(0) > 0)
    return {**right, "lift": torch.where(known, right["lift"], 0.0)}


@exercise.chaff(caught_by=checks.no_token_and_wrong_arguments)
def looks_at_labelled_tokens_only(
    indices: torch.Tensor, labels: torch.Tensor, num_experts: int, num_labels: int
) -> dict[str, Any]:
    """Leaves tokens out before it looks at the indices. One out of range is a ValueError in any
    token."""
    if not bool((labels >= 0).any()):
        return specialisation(indices, labels, num_experts, num_labels)
    kept = labels != -1
    return specialisation(indices[kept], labels[kept], num_experts, num_labels)


@exercise.chaff(caught_by=checks.no_token_and_wrong_arguments)
def any_negative_label_is_left_out(
    indices: torch.Tensor, labels: torch.Tensor, num_experts: int, num_labels: int
) -> dict[str, Any]:
    """Takes every negative label for −1. Another one is a ValueError."""
    return specialisation(indices, labels.clamp(min=-1), num_experts, num_labels)


@exercise.chaff(caught_by=checks.no_token_and_wrong_arguments)
def divides_by_no_tokens(
    indices: torch.Tensor, labels: torch.Tensor, num_experts: int, num_labels: int
) -> dict[str, Any]:
    """Divides by the number of labelled tokens even where it is 0, which gives NaN."""
    right = specialisation(indices, labels, num_experts, num_labels)
    if bool((labels >= 0).any()):
        return right
    return {**right, "share": right["share"] / 0}
