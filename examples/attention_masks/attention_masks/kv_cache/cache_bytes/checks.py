"""The checks of `cache_bytes`."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from attention_masks.kv_cache.cache_bytes import exercise
from autograder.authoring.given import Given, given
from moelab_kit import EXACT, Answer, difference


@exercise.law(points=1, proves="bytes")
def half_precision(answer: Answer, rng: np.random.Generator) -> None:
    """Has the right size where a number takes two bytes."""
    layers, heads, size, tokens = (int(number) for number in rng.integers(2, 40, size=4))
    keys = layers * heads * size * tokens
    wrong = difference(answer(layers, heads, size, tokens), 4 * keys, EXACT, where="the size")
    sizes = f"{layers} layers, {heads} heads of {size} and {tokens} tokens"
    assert not wrong, f"for {sizes}, {wrong}: there are {keys} numbers in the keys alone"


@exercise.agrees(points=1, proves=("bytes", "number"), tolerance=EXACT)
def other_numbers(rng: np.random.Generator) -> Iterator[Given]:
    """Agrees with the reference for numbers of one, four and eight bytes."""
    for number_bytes in (1, 4, 8):
        sizes = [int(number) for number in rng.integers(2, 900, size=4)]
        yield given(*sizes, number_bytes)
        yield given(*sizes, number_bytes=number_bytes)
