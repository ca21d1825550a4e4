"""What the checks of this course get by name."""

from __future__ import annotations

import numpy as np

from autograder import fixture

WORDS = ("token", "mask", "query", "key", "value", "head", "layer", "cache", "batch", "window")


@fixture
def lengths(rng: np.random.Generator) -> list[int]:
    """The lengths of three to nine texts in tokens, no two of them equal."""
    count = int(rng.integers(3, 10))
    return [int(one) for one in rng.choice(np.arange(1, 30), size=count, replace=False)]


@fixture
def words(rng: np.random.Generator) -> list[str]:
    """Eight to twenty words in lower case, the last three of them all different."""
    chosen = [str(word) for word in rng.choice(WORDS, size=int(rng.integers(5, 18)))]
    return [*chosen, *(str(word) for word in rng.choice(WORDS, size=3, replace=False))]
