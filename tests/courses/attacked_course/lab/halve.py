"""# Halve
Return half the number."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from autograder import Exercise
from moelab_kit import Answer

exercise = Exercise("halve")


@exercise.solution
def halve(x: float) -> float:
    """Return x / 2."""
    return x / 2


@exercise.law(points=1)
def halves_six(answer: Answer) -> None:
    """Six becomes three."""
    assert answer(6.0) == 3, "halve(6) is 3"


@exercise.agrees(points=4)
def hidden_numbers_93116(rng: np.random.Generator) -> Iterator[float]:
    """Agrees on random numbers."""
    yield from (float(x) for x in rng.normal(size=3))
