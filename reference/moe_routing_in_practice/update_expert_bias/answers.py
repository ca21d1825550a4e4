"""Further correct solutions of `update_expert_bias`, and known-wrong ones."""

from __future__ import annotations

import torch

from reference.moe_routing_in_practice.update_expert_bias import exercise, update_expert_bias
from reference.moe_routing_in_practice.update_expert_bias.checks import (
    a_new_tensor_in_float32,
    near_the_mean,
    one_step,
    random_counts,
)


@exercise.wheat
def as_in_the_paper(bias: torch.Tensor, counts: torch.Tensor, rate: float = 0.001) -> torch.Tensor:
    """The sign of mean minus counts, in double precision."""
    error = counts.double().mean() - counts
    return (bias.double() + rate * torch.sign(error)).to(torch.float32)


@exercise.wheat
def expert_by_expert(bias: torch.Tensor, counts: torch.Tensor, rate: float = 0.001) -> torch.Tensor:
    """Plain Python with comparisons of integers."""
    n = counts.tolist()
    steps = [(len(n) * x < sum(n)) - (len(n) * x > sum(n)) for x in n]
    return torch.tensor(
        [b + rate * step for b, step in zip(bias.tolist(), steps, strict=True)],
        dtype=torch.float32,
    )


@exercise.chaff(caught_by=one_step)
def wrong_direction(bias: torch.Tensor, counts: torch.Tensor, rate: float = 0.001) -> torch.Tensor:
    """Raises the bias of overloaded experts, which makes them more overloaded still."""
    return update_expert_bias(bias, counts, -rate)


@exercise.chaff(caught_by=one_step)
def step_by_distance(bias: torch.Tensor, counts: torch.Tensor, rate: float = 0.001) -> torch.Tensor:
    """Moves in proportion to the distance from the mean; only its sign counts."""
    return bias.float() + rate * (counts.float().mean() - counts)


@exercise.chaff(caught_by=one_step)
def the_mean_goes_down_too(
    bias: torch.Tensor, counts: torch.Tensor, rate: float = 0.001
) -> torch.Tensor:
    """Knows only two cases, too little and the rest: an expert at the mean should stay."""
    return bias.float() + torch.where(counts < counts.float().mean(), rate, -rate)


@exercise.chaff(caught_by=near_the_mean)
def whole_mean(bias: torch.Tensor, counts: torch.Tensor, rate: float = 0.001) -> torch.Tensor:
    """Rounds the mean down to a whole number (`//`): counts just below the mean then stay."""
    return bias.float() + rate * torch.sign(counts.sum() // len(counts) - counts)


@exercise.chaff(caught_by=one_step)
def updates_in_place(bias: torch.Tensor, counts: torch.Tensor, rate: float = 0.001) -> torch.Tensor:
    """Adds to the caller's bias (`+=`, `add_`), returns it. The exercise asks for a new tensor."""
    new = update_expert_bias(bias, counts, rate)
    bias.copy_(new)
    return bias if bias.dtype == torch.float32 else new


@exercise.chaff(caught_by=a_new_tensor_in_float32)
def same_tensor_when_balanced(
    bias: torch.Tensor, counts: torch.Tensor, rate: float = 0.001
) -> torch.Tensor:
    """Returns the bias itself when there is nothing to do; a later change would hit both."""
    if bool((counts == counts[0]).all()):
        return bias.float()
    return update_expert_bias(bias, counts, rate)


@exercise.chaff(caught_by=a_new_tensor_in_float32)
def stays_in_half_precision(
    bias: torch.Tensor, counts: torch.Tensor, rate: float = 0.001
) -> torch.Tensor:
    """Adds in bfloat16, where 1 - 0.001 is 1: the bias never moves."""
    step = update_expert_bias(torch.zeros(len(bias)), counts, rate)
    return (bias + step.to(bias.dtype)).float()


@exercise.chaff(caught_by=near_the_mean)
def counts_in_half_precision(
    bias: torch.Tensor, counts: torch.Tensor, rate: float = 0.001
) -> torch.Tensor:
    """Turns the counts into bfloat16, where neighbouring large counts are the same number."""
    low = counts.to(torch.bfloat16).float()
    return bias.float() + rate * torch.sign(low.mean() - low)


@exercise.chaff(caught_by=random_counts)
def fixed_rate(bias: torch.Tensor, counts: torch.Tensor, rate: float = 0.001) -> torch.Tensor:
    """Uses 0.001 whatever the argument says: that is only its default."""
    return update_expert_bias(bias, counts)


@exercise.chaff(caught_by=random_counts)
def median_of_the_counts(
    bias: torch.Tensor, counts: torch.Tensor, rate: float = 0.001
) -> torch.Tensor:
    """Compares with the median. The exercise asks for the mean, which a few hot experts pull up."""
    return bias.float() + rate * torch.sign(counts.float().quantile(0.5) - counts)


@exercise.chaff(caught_by=random_counts)
def clips_the_bias(bias: torch.Tensor, counts: torch.Tensor, rate: float = 0.001) -> torch.Tensor:
    """Clips the new bias to −1 … 1. Nothing bounds a bias."""
    return update_expert_bias(bias, counts, rate).clamp(-1, 1)


@exercise.chaff(caught_by=a_new_tensor_in_float32)
def step_in_half_precision(
    bias: torch.Tensor, counts: torch.Tensor, rate: float = 0.001
) -> torch.Tensor:
    """Turns the rate into the bias's dtype, in which 0.3 is 0.3008. The step is float32, too."""
    step = update_expert_bias(torch.zeros(len(bias)), counts, rate)
    return bias.float() + step.to(bias.dtype).float()
