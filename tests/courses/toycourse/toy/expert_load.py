r"""# Expert load

Return the share of routing slots that each expert received:
$f_e = \frac{1}{Tk}\sum_t [e \in \mathrm{top}_k(t)]$.

- [shares] The shares are a float tensor with one entry per expert, and add up to one.
- [unused] An expert that no token chose has share 0.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import torch

from autograder import Exercise
from moelab_kit import Answer
from moelab_kit.compare import difference

from ._counting import counts_of as slots_of

if TYPE_CHECKING:
    import numpy as np

exercise = Exercise("expert_load")

EVEN = 4  # experts in the example


@exercise.solution
@torch.no_grad()
def expert_load(indices: torch.Tensor, num_experts: int) -> torch.Tensor:
    """Return the share of routing slots per expert, [E] float32.

    `indices` is int64 [T, k] with values below `num_experts`.
    """
    counts = slots_of(indices, num_experts).to(torch.float32)
    # every token fills k slots
    return counts / counts.sum()


# An example that students see.
def _example() -> torch.Tensor:
    return torch.tensor([[0, 1], [2, 3]])  # all experts once


@exercise.law(points=1, proves="shares")
def sums_to_one(answer: Answer, rng: np.random.Generator) -> None:
    """The shares add up to one."""
    got = answer(_example(), EVEN)
    assert isinstance(got, torch.Tensor), f"expert_load returned {type(got).__name__}, not a tensor"
    assert got.shape == (EVEN,), f"the shape is {list(got.shape)}, not one entry per expert, [4]"
    total = float(got.sum())
    assert abs(total - 1) < 1e-6, f"the shares add up to {total:.3f}, not 1"
    drawn = float(answer(torch.from_numpy(rng.integers(0, EVEN, size=(30, 2))), EVEN).sum())
    assert abs(drawn - 1) < 1e-6, f"the shares add up to {drawn:.3f}, not 1"


@exercise.law(points=1.5, hidden=True, proves="unused")
def keeps_unused_experts(answer: Answer) -> None:
    """An expert that no token chose has share zero."""
    got = answer(torch.tensor([[0], [1]]), 5)
    wrong = difference(got, torch.tensor([0.5, 0.5, 0.0, 0.0, 0.0]))
    assert not wrong, "experts without tokens belong to the result too"


@exercise.agrees(points=3, after=(sums_to_one,), proves="shares")
def random_routings(rng: np.random.Generator) -> Iterator[tuple[torch.Tensor, int]]:
    """Agrees with the reference on random routings."""
    for tokens in (2, 7, 50):
        indices = torch.from_numpy(rng.integers(0, 7, size=(tokens, 2)))
        indices[:, 1] = 7
        yield indices, 8


@exercise.wheat
def counts_in_a_loop(indices, num_experts):
    flat = indices.reshape(-1).tolist()
    return torch.tensor([flat.count(expert) / len(flat) for expert in range(num_experts)])


@exercise.chaff(caught_by=sums_to_one)
def divides_by_tokens(indices, num_experts):
    """Divides by the number of tokens: each token fills k slots, so the shares add up to k."""
    return expert_load(indices, num_experts) * indices.shape[1]


@exercise.chaff(caught_by=keeps_unused_experts)
def forgets_unused_experts(indices, num_experts):
    """Counts only up to the largest index that occurs, so unused experts at the end are missing."""
    counts = torch.bincount(indices.reshape(-1))
    return counts / counts.sum()


@exercise.chaff(caught_by=random_routings)
def looks_at_the_first_slot(indices, num_experts):
    """Counts only the best expert of each token; the other slots are load too."""
    return slots_of(indices[:, :1], num_experts) / indices.shape[0]
