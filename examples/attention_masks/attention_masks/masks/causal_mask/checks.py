"""The checks of `causal_mask`."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch

from attention_masks.masks.causal_mask import exercise
from autograder.authoring.given import Given, given
from moelab_kit import EXACT, Answer, difference


@exercise.law(points=1, proves=("causal", "tensor"))
def looks_back(answer: Answer, rng: np.random.Generator) -> None:
    """Lets every token listen to itself and to those before it."""
    length = int(rng.integers(3, 9))
    expected = torch.tensor([[j <= i for j in range(length)] for i in range(length)])
    wrong = difference(answer(length), expected, EXACT, where="the mask")
    assert not wrong, f"for {length} tokens, {wrong}"


@exercise.agrees(points=2, proves="window", tolerance=EXACT)
def random_windows(rng: np.random.Generator) -> Iterator[Given]:
    """Agrees with the reference for windows of several sizes."""
    for window in (2, 3, 7):
        yield given(window + int(rng.integers(2, 9)), window)
        yield given(window + int(rng.integers(2, 9)), window=window)
    yield given(int(rng.integers(3, 6)), window=20)


@exercise.law(points=1, proves="positive", hidden=True)
def smallest_window(answer: Answer, rng: np.random.Generator) -> None:
    """Takes a window of 1, and raises a ValueError below it."""
    length = int(rng.integers(3, 9))
    alone = torch.eye(length, dtype=torch.bool)
    wrong = difference(answer(length, 1), alone, EXACT, where="the mask")
    assert not wrong, f"with a window of 1 every token listens to itself alone: {wrong}"
    assert answer.raises(ValueError, length, 0), "a window of 0 was accepted"
