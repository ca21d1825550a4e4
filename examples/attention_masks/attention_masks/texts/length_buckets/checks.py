"""The checks of `length_buckets`."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from attention_masks.texts.length_buckets import exercise
from autograder.authoring.given import Given, given
from moelab_kit import Answer, difference


def of_length(rng: np.random.Generator, length: int) -> str:
    """A text of so many characters, none of which are spaces."""
    return "".join(str(letter) for letter in rng.choice(list("abcdefgh"), size=length))


@exercise.law(points=1, proves=("sorted", "batches"))
def longest_first(answer: Answer, rng: np.random.Generator) -> None:
    """Sorts texts that come with the longest first."""
    texts = [of_length(rng, length) for length in (9, 7, 5, 2, 1)]
    back = texts[::-1]
    wrong = difference(answer(texts, 2), [back[:2], back[2:4], back[4:]], where="the list")
    assert not wrong, f"for {texts} in batches of 2, {wrong}"


@exercise.agrees(points=2, proves=("sorted", "stable", "batches"))
def equal_lengths(rng: np.random.Generator) -> Iterator[Given]:
    """Agrees with the reference where many texts are of equal length."""
    yield given(["bb", "ccc", "aa", "b", "dd", "a", "ccb"], 3)
    for size in (1, 4, 50):
        texts = [of_length(rng, int(length)) for length in rng.integers(1, 5, size=30)]
        yield given(texts, size)
    yield given([], size=3)


@exercise.law(points=1, proves="unchanged", hidden=True)
def leaves_the_list(answer: Answer, rng: np.random.Generator) -> None:
    """Leaves the list of texts as it was."""
    texts = [of_length(rng, length) for length in (4, 2, 3)]
    wrong = difference(answer(texts, 9), [[texts[1], texts[2], texts[0]]], where="the list")
    assert not wrong, f"three texts in one batch: {wrong}"
    assert not answer.left_behind, f"the call changed its input: {answer.left_behind}"
