"""# Double
Return twice the number."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from autograder import Exercise
from moelab_kit import Answer

exercise = Exercise("double")


@exercise.solution
def double(x: float) -> float:
    """Return 2x."""
    return 2 * x


@exercise.law(points=1)
def doubles_three(answer: Answer) -> None:
    """Three becomes six."""
    got = answer(3.0)
    assert got == 6, f"double(3) gave {got}, not 6"


@exercise.law(points=2, hidden=True)
def adds_up(answer: Answer) -> None:
    """Doubling is adding twice."""
    assert answer(1.0) + answer(2.0) == answer(3.0), "doubling is not additive"


@exercise.agrees(points=3, after=(doubles_three,))
def random_numbers(rng: np.random.Generator) -> Iterator[float]:
    """Agrees on random numbers."""
    yield from (float(x) for x in rng.normal(size=3))


@exercise.chaff(caught_by=(doubles_three, adds_up, random_numbers))
def adds_one(x: float) -> float:
    """Adds three."""
    return x + 4
