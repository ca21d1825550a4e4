"""The checks of `padding_mask`."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch

from attention_masks.masks.padding_mask import exercise
from autograder.authoring.given import Given, given
from moelab_kit import EXACT, Answer, difference


@exercise.law(points=1, proves="real")
def filled_up(answer: Answer, lengths: list[int]) -> None:
    """Marks tokens with 1 and the padding after them with 0."""
    longest = max(lengths)
    expected = torch.tensor([[1] * one + [0] * (longest - one) for one in lengths])
    wrong = difference(answer(lengths), expected, EXACT, where="the mask")
    assert not wrong, f"for the lengths {lengths}, {wrong}"


@exercise.agrees(points=2, proves=("real", "left"), tolerance=EXACT)
def both_sides(rng: np.random.Generator, lengths: list[int]) -> Iterator[Given]:
    """Agrees with the reference for padding on either side."""
    for side in ("left", "right"):
        yield given(lengths, side)
        yield given([3, 1, 4, int(rng.integers(5, 9)), 2], side=side)


@exercise.law(points=1, proves="side", hidden=True)
def other_sides(answer: Answer, rng: np.random.Generator) -> None:
    """Raises a ValueError for a side that there is not."""
    length = int(rng.integers(3, 9))
    expected = torch.ones(1, length, dtype=torch.int64)
    wrong = difference(answer([length], "left"), expected, EXACT, where="the mask")
    assert not wrong, f"a single text has no padding: {wrong}"
    assert answer.raises(ValueError, [length], "middle"), "the side 'middle' was accepted"
