"""The checks of `update_expert_bias`."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch

from autograder import given
from autograder.authoring.given import Given
from moelab_kit import Answer
from moelab_kit.compare import difference
from reference.moe_routing_in_practice.update_expert_bias import exercise


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
