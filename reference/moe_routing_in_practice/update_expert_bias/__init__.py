r"""# Balancing without a loss

An auxiliary loss balances the load, but its gradient also disturbs what the router learns.
DeepSeek-V3 does without: each expert has a bias that is added to its score when experts are
*selected* (see `route`), and after each training step the bias moves a small, fixed step: up for
experts that got too little, down for experts that got too much.

$$b_i \leftarrow b_i + \text{rate} \cdot \mathrm{sign}(\bar n - n_i)$$

with the counts $n_i$ of the step, their mean $\bar n$ over the experts, and
$\mathrm{sign}(0) = 0$.

Write `update_expert_bias(bias, counts, rate=0.001)` for `bias` [E] and `counts` ([E], int64).

- [step] Each bias moves by `rate`: up where the expert's count is below the mean, down where it is
  above.
- [mean] An expert exactly at the mean keeps its bias. The mean is not rounded.
- [new] The result is a **new** float32 tensor [E]; `bias` and `counts` are not changed.
- [large-counts] Counts may be large (their sum is below 2²⁴).
- [float32] A bias in bfloat16 or float16 is updated in float32.

Source: Wang et al., *Auxiliary-Loss-Free Load Balancing Strategy for Mixture-of-Experts* (2024),
algorithm 1.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch

from autograder import Exercise, given
from autograder.authoring.given import Given
from moelab_kit import Answer
from moelab_kit.compare import difference

exercise = Exercise("update_expert_bias")


@exercise.solution
def update_expert_bias(
    bias: torch.Tensor, counts: torch.Tensor, rate: float = 0.001
) -> torch.Tensor:
    """Return the bias moved by `rate` towards balance: up where an expert got too little.

    `bias` and `counts` are [E], counts int64; the result is a new float32 tensor.
    """
    excess = len(counts) * counts - counts.sum()
    return bias.detach().float() - rate * excess.sign().float()


@exercise.law(points=1, proves=("step", "mean", "new"))
def one_step(answer: Answer, rng: np.random.Generator) -> None:
    """Too little goes up, too much goes down, the mean stays; the bias itself is unchanged."""
    bias = torch.from_numpy(rng.integers(-16, 17, size=4) / 16).float()
    new = answer(bias, torch.tensor([7, 1, 4, 4]), 0.0625)
    wrong = difference(new, bias + torch.tensor([-0.0625, 0.0625, 0.0, 0.0]), where="the new bias")
    assert not wrong, (
        "the mean of the counts 7, 1, 4, 4 is 4, so with rate 0.0625 the first bias goes down, the "
        f"second up, and the others stay; {wrong}: {new}"
    )
    assert not answer.left_behind, f"the bias should stay as it was, but {answer.left_behind}"


@exercise.agrees(points=1, proves="step")
def random_counts(rng: np.random.Generator) -> Iterator[Given]:
    """Agrees with the reference on random counts, with the default rate and others."""
    for experts in (2, 5, 8, 64):
        bias = torch.from_numpy(rng.normal(size=experts) * 0.05).float()
        counts = _away_from_the_mean(rng, experts)
        yield given(bias, counts)
        yield given(bias, counts, rate=0.02)
        yield given(bias * 100, counts, rate=1.5)
    skewed = torch.from_numpy(rng.permutation([1, 2, 9, 60, 100]))
    yield given(torch.zeros(5), skewed, 0.5)
    yield given(torch.zeros(4), torch.zeros(4, dtype=torch.int64), 0.5)


@exercise.agrees(points=1, proves=("mean", "large-counts"))
def near_the_mean(rng: np.random.Generator) -> Iterator[Given]:
    """A count exactly at the mean keeps its bias, and one just beside it does not."""
    for counts in ([1, 2], [5, 5, 5, 5], [3, 3, 4], [333, 333, 333], [2, 2, 2, 1, 2]):
        yield given(torch.zeros(len(counts)), torch.tensor(counts), 0.25)
    large = torch.full((8,), 1_900_000) + torch.from_numpy(rng.permutation(8) // 3)
    yield given(torch.zeros(8), large, 0.25)


@exercise.law(points=1, proves=("new", "float32", "precision", "inputs"), hidden=True)
def a_new_tensor_in_float32(answer: Answer, rng: np.random.Generator) -> None:
    """The result is a new float32 tensor, also for a bias in bfloat16."""
    bias = torch.from_numpy(rng.uniform(0.5, 1.0, size=6)).to(torch.bfloat16)
    counts = torch.tensor([3, 8, 5, 5, 9, 0])
    step = torch.tensor([0.001, -0.001, 0.0, 0.0, -0.001, 0.001])
    wrong = difference(answer(bias, counts), bias.float() + step, where="the new bias")
    assert not wrong, f"for a bias in bfloat16, {wrong}"
    for dtype in (torch.bfloat16, torch.float16):
        small = torch.from_numpy(rng.uniform(-0.01, 0.01, size=6)).to(dtype)
        wrong = difference(answer(small, counts, 0.3), small.float() + 300 * step)
        assert not wrong, f"the step itself should be float32, too; for a bias in {dtype}, {wrong}"
    balanced = torch.tensor([4, 4, 4, 4, 4, 4])
    wrong = difference(answer(bias.float(), balanced), bias.float(), where="the new bias")
    assert not wrong, f"for balanced counts, {wrong}"
    assert not answer.left_behind, f"the call left something behind: {answer.left_behind}"
    assert not answer.shares_memory, f"the new bias shares memory with {answer.shares_memory}"


def _away_from_the_mean(rng: np.random.Generator, experts: int) -> torch.Tensor:
    while True:
        counts = rng.integers(0, 256, size=experts)
        if np.abs(counts - counts.mean()).min() > 1:
            return torch.from_numpy(counts)


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


@exercise.chaff(caught_by=(one_step, random_counts, near_the_mean, a_new_tensor_in_float32))
def wrong_direction(bias: torch.Tensor, counts: torch.Tensor, rate: float = 0.001) -> torch.Tensor:
    """Raises the bias of overloaded experts, which makes them more overloaded still."""
    return update_expert_bias(bias, counts, -rate)


@exercise.chaff(caught_by=(one_step, random_counts, near_the_mean, a_new_tensor_in_float32))
def step_by_distance(bias: torch.Tensor, counts: torch.Tensor, rate: float = 0.001) -> torch.Tensor:
    """Moves in proportion to the distance from the mean; only its sign counts."""
    return bias.float() + rate * (counts.float().mean() - counts)


@exercise.chaff(caught_by=(one_step, random_counts, near_the_mean, a_new_tensor_in_float32))
def the_mean_goes_down_too(
    bias: torch.Tensor, counts: torch.Tensor, rate: float = 0.001
) -> torch.Tensor:
    """Knows only two cases, too little and the rest: an expert at the mean should stay."""
    return bias.float() + torch.where(counts < counts.float().mean(), rate, -rate)


@exercise.chaff(caught_by=near_the_mean)
def whole_mean(bias: torch.Tensor, counts: torch.Tensor, rate: float = 0.001) -> torch.Tensor:
    """Rounds the mean down to a whole number (`//`): counts just below the mean then stay."""
    return bias.float() + rate * torch.sign(counts.sum() // len(counts) - counts)


@exercise.chaff(caught_by=(one_step, a_new_tensor_in_float32))
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


@exercise.chaff(caught_by=(one_step, random_counts, near_the_mean, a_new_tensor_in_float32))
def fixed_rate(bias: torch.Tensor, counts: torch.Tensor, rate: float = 0.001) -> torch.Tensor:
    """Uses 0.001 whatever the argument says: that is only its default."""
    return update_expert_bias(bias, counts)


@exercise.chaff(caught_by=(random_counts, near_the_mean))
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


# Changes that `moelab verify --mutants` makes, and that no check can see.
exercise.equivalent(
    "return bias.detach().float() - rate * excess.sign().float()",
    "return bias.float() - rate * excess.sign().float()",
    because="What is returned may carry a gradient or not.",
)
exercise.equivalent(
    "return bias.detach().float() - rate * excess.sign().float()",
    "return bias.detach() - rate * excess.sign().float()",
    because="The exercise gives a bias in float32.",
)
exercise.equivalent(
    "return bias.detach().float() - rate * excess.sign().float()",
    "return bias.detach().float() - rate * excess.sign()",
    because="Signs are exact in every dtype, and adding promotes them.",
)
