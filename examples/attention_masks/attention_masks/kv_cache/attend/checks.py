"""The checks of `attend`."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch

from attention_masks.kv_cache.attend import exercise
from autograder.authoring.given import Given, given
from moelab_kit import Answer, difference


def drawn(rng: np.random.Generator, *shape: int) -> torch.Tensor:
    """Random float32 numbers of this shape."""
    return torch.from_numpy(rng.normal(size=shape)).float()


@exercise.law(points=1, proves="mix")
def equal_keys(answer: Answer, rng: np.random.Generator) -> None:
    """Takes the plain mean of the values where all keys are equal."""
    values = drawn(rng, 5, 4)
    keys = drawn(rng, 1, 4).repeat(5, 1)
    wrong = difference(answer(drawn(rng, 4), keys, values), values.mean(0), where="the result")
    assert not wrong, f"with five equal keys, {wrong}"


@exercise.agrees(points=2, proves=("weights", "mix"))
def random_caches(rng: np.random.Generator) -> Iterator[Given]:
    """Agrees with the reference on random caches."""
    for tokens, size in ((1, 8), (7, 4), (30, 16)):
        yield given(2 * drawn(rng, size), drawn(rng, tokens, size), drawn(rng, tokens, size))


@exercise.law(points=1, proves="large", hidden=True)
def large_scores(answer: Answer, rng: np.random.Generator) -> None:
    """Stays finite for large scores, where one token takes all."""
    values = drawn(rng, 3, 4)
    keys = torch.tensor([[100.0, 0, 0, 0], [0, 100, 0, 0], [0, 0, 100, 0]])
    query = torch.tensor([0.0, 200, 0, 0])
    wrong = difference(answer(query, keys, values), values[1], where="the result")
    assert not wrong, f"where one key is far ahead, its value is the result: {wrong}"
