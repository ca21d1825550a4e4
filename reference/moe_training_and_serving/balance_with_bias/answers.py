"""Further correct solutions of `balance_with_bias`, and known-wrong ones."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import torch

from reference.moe_training_and_serving.balance_with_bias import (
    balance_with_bias,
    checks,
    exercise,
)

Bias = torch.Tensor | None


@exercise.wheat
def in_numpy(scores: torch.Tensor, top_k: int, rate: float, bias: Bias = None) -> dict[str, Any]:
    """NumPy in double precision, with arrays that are filled step by step."""
    if len(scores.shape) != 3:
        raise ValueError("scores")
    S, T, E = scores.shape
    if S < 1 or T < 1 or top_k < 1 or top_k > E:
        raise ValueError("S, T or top_k")
    b = np.zeros((S + 1, E))
    if bias is not None:
        b[0] = bias.detach().to(torch.float64).numpy()
    c = np.zeros((S, E), dtype=np.int64)
    for s in range(S):
        biased = scores[s].detach().to(torch.float64).numpy() + b[s]
        chosen = np.argpartition(-biased, top_k - 1, axis=1)[:, :top_k]
        np.add.at(c[s], chosen, 1)
        b[s + 1] = b[s] + rate * np.sign(c[s].mean() - c[s])
    total = c.sum(axis=0)
    return {
        "counts": torch.from_numpy(c),
        "bias": torch.from_numpy(b).float(),
        "max_violation": torch.from_numpy(c.max(axis=1) / c.mean(axis=1) - 1).float(),
        "global_violation": total.max() / total.mean() - 1,
    }


@exercise.wheat
def plain_python(
    scores: torch.Tensor, top_k: int, rate: float, bias: Bias = None
) -> dict[str, Any]:
    """Lists, `sorted` and exact fractions."""
    if scores.ndim != 3 or 0 in scores.shape[:2]:
        raise ValueError("scores must be [S, T, E]")
    E = scores.shape[2]
    if top_k not in range(1, E + 1):
        raise ValueError("top_k")
    now = [0.0] * E if bias is None else bias.tolist()
    rows, counts = [list(now)], []
    for step in scores.tolist():
        count = [0] * E
        for token in step:
            biased = {e: token[e] + now[e] for e in range(E)}
            for e in sorted(biased, key=biased.__getitem__, reverse=True)[:top_k]:
                count[e] += 1
        mean = Fraction(len(step) * top_k, E)
        now = [b + rate * ((mean > c) - (mean < c)) for b, c in zip(now, count, strict=True)]
        counts.append(count)
        rows.append(now)
    added = [sum(column) for column in zip(*counts, strict=True)]
    return {
        "counts": torch.tensor(counts),
        "bias": torch.tensor(rows),
        "max_violation": torch.tensor([max(c) * E / sum(c) - 1 for c in counts]),
        "global_violation": max(added) * E / sum(added) - 1,
    }


Step = Callable[[torch.Tensor, torch.Tensor, float], torch.Tensor]


def _usual(
    scores: torch.Tensor,
    top_k: int,
    rate: float,
    bias: Bias,
    step: Step | None = None,
    dtype: torch.dtype = torch.float32,
) -> dict[str, Any]:
    """The usual solution with another step, or another dtype of the bias."""
    right = balance_with_bias(scores, top_k, rate, bias)
    move = step or _signed
    now = torch.zeros(scores.shape[2], dtype=dtype) if bias is None else bias.to(dtype)
    used, counts = [now], []
    for affinities in scores:
        chosen = (affinities.to(dtype) + now).topk(top_k).indices
        counts.append(torch.bincount(chosen.flatten(), minlength=scores.shape[2]))
        mean = torch.tensor(scores.shape[1] * top_k / scores.shape[2])
        now = now + move(counts[-1], mean, rate).to(dtype)
        used.append(now)
    load = torch.stack(counts)
    return {**right, "counts": load, "bias": torch.stack(used).float(), **_violations(load)}


def _signed(count: torch.Tensor, mean: torch.Tensor, rate: float) -> torch.Tensor:
    return rate * torch.sign(mean - count)


def _violations(load: torch.Tensor) -> dict[str, Any]:
    each, all_steps = load.float(), load.sum(0).float()
    return {
        "max_violation": each.amax(1) / each.mean(1) - 1,
        "global_violation": float(all_steps.max() / all_steps.mean() - 1),
    }


@exercise.chaff(caught_by=checks.two_steps_by_hand)
def wrong_direction(
    scores: torch.Tensor, top_k: int, rate: float, bias: Bias = None
) -> dict[str, Any]:
    """Raises the bias of overloaded experts, which makes them more overloaded still."""
    return balance_with_bias(scores, top_k, -rate, bias)


@exercise.chaff(caught_by=checks.two_steps_by_hand)
def step_by_distance(
    scores: torch.Tensor, top_k: int, rate: float, bias: Bias = None
) -> dict[str, Any]:
    """Moves in proportion to the distance from the mean. Only its sign counts."""
    return _usual(scores, top_k, rate, bias, lambda count, mean, rate: rate * (mean - count))


@exercise.chaff(caught_by=checks.random_steps)
def rounds_the_mean(
    scores: torch.Tensor, top_k: int, rate: float, bias: Bias = None
) -> dict[str, Any]:
    """Rounds the mean down (`T * k // E`): an expert just above it then counts as balanced."""

    def step(count: torch.Tensor, mean: torch.Tensor, rate: float) -> torch.Tensor:
        return rate * torch.sign(mean.floor() - count)

    return _usual(scores, top_k, rate, bias, step)


@exercise.chaff(caught_by=checks.balance_is_left_alone)
def the_mean_moves_too(
    scores: torch.Tensor, top_k: int, rate: float, bias: Bias = None
) -> dict[str, Any]:
    """Knows only two cases, too little and the rest. An expert at the mean keeps its bias."""

    def step(count: torch.Tensor, mean: torch.Tensor, rate: float) -> torch.Tensor:
        return torch.where(count < mean, rate, -rate)

    return _usual(scores, top_k, rate, bias, step)


@exercise.chaff(caught_by=checks.two_steps_by_hand)
def uses_the_counts_at_once(
    scores: torch.Tensor, top_k: int, rate: float, bias: Bias = None
) -> dict[str, Any]:
    """Moves the bias and then chooses again at the same step. Counts change the *next* step: a
    choice that depends on the batch itself looks into the future of the text."""
    right = balance_with_bias(scores, top_k, rate, bias)
    doubled = scores.repeat_interleave(2, dim=0)
    twice = balance_with_bias(doubled, top_k, rate, bias)
    load = twice["counts"][1::2]
    return {**right, "counts": load, "bias": twice["bias"][::2], **_violations(load)}


@exercise.chaff(caught_by=checks.two_steps_by_hand)
def bias_after_the_step(
    scores: torch.Tensor, top_k: int, rate: float, bias: Bias = None
) -> dict[str, Any]:
    """Keeps the biases *after* each step alone. Row s is the one that step s used, so that row 0 is
    the start, and there are S + 1 rows."""
    right = balance_with_bias(scores, top_k, rate, bias)
    return {**right, "bias": right["bias"][1:]}


@exercise.chaff(caught_by=checks.random_steps)
def largest_deviation(
    scores: torch.Tensor, top_k: int, rate: float, bias: Bias = None
) -> dict[str, Any]:
    """Takes the largest deviation in either direction. Only too *many* tokens are a violation."""
    right = balance_with_bias(scores, top_k, rate, bias)
    load = right["counts"].float()
    mean = load.mean(1, keepdim=True)
    return {**right, "max_violation": (load / mean - 1).abs().amax(1)}


@exercise.chaff(caught_by=checks.balance_is_left_alone)
def mean_of_the_violations(
    scores: torch.Tensor, top_k: int, rate: float, bias: Bias = None
) -> dict[str, Any]:
    """Takes the mean of the steps' violations for the global one. Add the counts up first: loads
    that swing to and fro then cancel out."""
    right = balance_with_bias(scores, top_k, rate, bias)
    return {**right, "global_violation": float(right["max_violation"].mean())}


@exercise.chaff(caught_by=checks.balance_is_left_alone)
def global_over_the_mean_of_one_step(
    scores: torch.Tensor, top_k: int, rate: float, bias: Bias = None
) -> dict[str, Any]:
    """Divides the counts of all steps by the mean of a single one. The mean of the sums is S times
    as large."""
    right = balance_with_bias(scores, top_k, rate, bias)
    return {**right, "global_violation": (right["global_violation"] + 1) * len(scores) - 1}


@exercise.chaff(caught_by=checks.random_steps)
def mean_of_tokens(
    scores: torch.Tensor, top_k: int, rate: float, bias: Bias = None
) -> dict[str, Any]:
    """Takes T / E for the mean. Each token fills k slots, so it is T · k / E."""
    right = balance_with_bias(scores, top_k, rate, bias)

    def step(count: torch.Tensor, mean: torch.Tensor, rate: float) -> torch.Tensor:
        return rate * torch.sign(mean / top_k - count)

    wrong = _usual(scores, top_k, rate, bias, step)
    each = right["max_violation"].new_tensor(top_k)
    return {
        **wrong,
        "max_violation": (wrong["max_violation"] + 1) * each - 1,
        "global_violation": (wrong["global_violation"] + 1) * top_k - 1,
    }


@exercise.chaff(caught_by=checks.from_a_given_bias)
def always_starts_from_zeros(
    scores: torch.Tensor, top_k: int, rate: float, bias: Bias = None
) -> dict[str, Any]:
    """Starts from zeros whatever is given. A run that goes on needs its bias."""
    return balance_with_bias(scores, top_k, rate)


@exercise.chaff(caught_by=checks.random_steps)
def softmax_first(
    scores: torch.Tensor, top_k: int, rate: float, bias: Bias = None
) -> dict[str, Any]:
    """Takes a softmax of the scores before it adds the bias. They are affinities already."""
    return balance_with_bias(scores.float().softmax(-1), top_k, rate, bias)


@exercise.chaff(caught_by=checks.from_a_given_bias)
def keeps_the_bias_centred(
    scores: torch.Tensor, top_k: int, rate: float, bias: Bias = None
) -> dict[str, Any]:
    """Subtracts the mean from the bias. The choice stays the same, but the exercise asks for the
    bias itself."""
    right = balance_with_bias(scores, top_k, rate, bias)
    return {**right, "bias": right["bias"] - right["bias"].mean(1, keepdim=True)}


@exercise.chaff(caught_by=checks.low_precision)
def bias_in_half_precision(
    scores: torch.Tensor, top_k: int, rate: float, bias: Bias = None
) -> dict[str, Any]:
    """Keeps the bias in its own dtype. In bfloat16, 1 + 0.0003 is 1: it never moves."""
    if bias is None or bias.dtype == torch.float32:
        return balance_with_bias(scores, top_k, rate, bias)
    return _usual(scores, top_k, rate, bias, dtype=bias.dtype)


@exercise.chaff(caught_by=checks.low_precision)
def adds_in_half_precision(
    scores: torch.Tensor, top_k: int, rate: float, bias: Bias = None
) -> dict[str, Any]:
    """Starts with zeros in the dtype of the scores, and so keeps the bias in half precision. It
    is float32."""
    if bias is not None or scores.dtype == torch.float32:
        return balance_with_bias(scores, top_k, rate, bias)
    return _usual(scores, top_k, rate, bias, dtype=scores.dtype)


@exercise.chaff(caught_by=checks.wrong_arguments_and_inputs)
def moves_the_callers_bias(
    scores: torch.Tensor, top_k: int, rate: float, bias: Bias = None
) -> dict[str, Any]:
    """Adds to the bias in place (`+=`, `add_`): the caller's tensor is changed. Make a new one."""
    result = balance_with_bias(scores, top_k, rate, bias)
    if bias is not None:
        bias.copy_(result["bias"][-1])
    return result


@exercise.chaff(caught_by=checks.wrong_arguments_and_inputs)
def takes_one_step_without_its_dimension(
    scores: torch.Tensor, top_k: int, rate: float, bias: Bias = None
) -> dict[str, Any]:
    """Takes scores [T, E] for a single step. Scores of another dimension are a ValueError."""
    if scores.dim() in (1, 2):
        scores = scores.reshape(1, -1, scores.shape[-1])
    return balance_with_bias(scores, top_k, rate, bias)


@exercise.chaff(caught_by=checks.wrong_arguments_and_inputs)
def nothing_for_no_steps(
    scores: torch.Tensor, top_k: int, rate: float, bias: Bias = None
) -> dict[str, Any]:
    """Returns empty results where there is no step or token. That is a ValueError."""
    if scores.dim() == 3 and 0 in scores.shape[:2]:
        return {"counts": torch.zeros(scores.shape[0], scores.shape[2], dtype=torch.int64)}
    return balance_with_bias(scores, top_k, rate, bias)


@exercise.chaff(caught_by=checks.wrong_arguments_and_inputs)
def cuts_top_k_down(
    scores: torch.Tensor, top_k: int, rate: float, bias: Bias = None
) -> dict[str, Any]:
    """Silently uses E experts where more were asked for. That is a ValueError."""
    return balance_with_bias(scores, min(top_k, scores.shape[-1]), rate, bias)
