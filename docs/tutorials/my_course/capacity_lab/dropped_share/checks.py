"""The checks of `dropped_share`."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch

from moelab_kit import Answer, difference
from my_course.capacity_lab.dropped_share import exercise


@exercise.law(points=1, proves="share")
def one_busy_expert(answer: Answer, rng: np.random.Generator) -> None:
    """Has the right share where one expert gets every token."""
    capacity, beyond = (int(number) for number in rng.integers(2, 20, size=2))
    counts = torch.tensor([0, capacity + beyond, 0, 0])
    wrong = difference(answer(counts, capacity), beyond / (capacity + beyond), where="the share")
    assert not wrong, f"for counts {counts.tolist()} and capacity {capacity}, {wrong}"


@exercise.agrees(points=2, proves="share")
def random_counts(rng: np.random.Generator) -> Iterator[tuple[torch.Tensor, int]]:
    """Agrees with the reference on random counts."""
    for experts in (2, 5, 16, 64):
        yield torch.from_numpy(rng.integers(0, 12, size=experts)) + 1, 6


@exercise.law(points=1, proves="empty", hidden=True)
def no_tokens(answer: Answer) -> None:
    """Is a ValueError without tokens, and a number as soon as there is one."""
    wrong = difference(answer(torch.tensor([0, 1]), 1), 0.0, where="the share")
    assert not wrong, f"a single token fits; {wrong}"
    assert answer.raises(ValueError, torch.zeros(3, dtype=torch.int64), 1), (
        "no tokens were accepted; they should be a ValueError"
    )
