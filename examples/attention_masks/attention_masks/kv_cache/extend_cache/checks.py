"""The checks of `extend_cache`."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch

from attention_masks.kv_cache.extend_cache import exercise
from autograder.authoring.given import Given, given
from moelab_kit import EXACT, Answer, difference


def rows(rng: np.random.Generator, count: int) -> torch.Tensor:
    """Random keys [count, 3]."""
    return torch.from_numpy(rng.normal(size=(count, 3))).float()


@exercise.law(points=1, proves="order")
def room_for_all(answer: Answer, rng: np.random.Generator) -> None:
    """Appends new keys where there is room for all."""
    cache, new = rows(rng, 4), rows(rng, 2)
    expected = torch.cat([cache, new])
    wrong = difference(answer(cache, new, 9), expected, EXACT, where="the cache")
    assert not wrong, f"with 4 old keys, 2 new ones and room for 9, {wrong}"


@exercise.agrees(points=2, proves="limit", tolerance=EXACT)
def beyond_the_limit(rng: np.random.Generator) -> Iterator[Given]:
    """Agrees with the reference where old keys, or even new ones, have to go."""
    for old, more, limit in ((4, 2, 5), (4, 2, 6), (0, 3, 2), (5, 1, 1), (7, 9, 4)):
        yield given(rows(rng, old), rows(rng, more), limit)


@exercise.law(points=1, proves="own", hidden=True)
def is_a_copy(answer: Answer, rng: np.random.Generator) -> None:
    """Returns memory of its own, and leaves both inputs as they were."""
    cache = rows(rng, 5)
    for old, new in ((cache, rows(rng, 0)), (rows(rng, 0), cache)):
        wrong = difference(answer(old, new, 8), cache, EXACT, where="the cache")
        assert not wrong, f"where there is nothing to add, {wrong}"
        assert not answer.shares_memory, "the result shares memory with an input"
        assert not answer.left_behind, f"the call changed an input: {answer.left_behind}"
