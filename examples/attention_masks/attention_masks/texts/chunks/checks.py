"""The checks of `chunks`."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from attention_masks.texts.chunks import exercise
from autograder.authoring.given import Given, given
from moelab_kit import Answer, difference


@exercise.law(points=1, proves="chunks")
def without_overlap(answer: Answer, words: list[str]) -> None:
    """Cuts a text into chunks, the last one shorter."""
    tokens = words[:8]
    wrong = difference(answer(tokens, 3), [tokens[:3], tokens[3:6], tokens[6:]], where="the list")
    assert not wrong, f"for {tokens} in chunks of 3, {wrong}"


@exercise.agrees(points=2, proves=("overlap", "end"))
def overlapping(rng: np.random.Generator, words: list[str]) -> Iterator[Given]:
    """Agrees with the reference on chunks that overlap."""
    yield given(words[:7], 3, 1)
    yield given(words[:8], size=4, overlap=2)
    yield given(words[:8], 5, overlap=4)
    yield given(words[:2], 5, 3)
    yield given(words[:3], 3, 2)
    yield given(words, int(rng.integers(4, 7)), 1)


@exercise.law(points=1, proves=("sizes", "end"), hidden=True)
def odd_sizes(answer: Answer, words: list[str]) -> None:
    """Raises a ValueError for sizes that make no sense, and cuts no tokens into nothing."""
    wrong = difference(answer(words[:3], 1), [[word] for word in words[:3]], where="the list")
    assert not wrong, f"chunks of one token each: {wrong}"
    assert difference(answer([], 4), []) == "", "no tokens make no chunk"
    for size, overlap in ((0, 0), (3, 3), (3, 4), (3, -1)):
        refused = answer.raises(ValueError, words[:7], size, overlap)
        assert refused, "a size or an overlap that makes no sense was accepted"
