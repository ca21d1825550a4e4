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
    assert answer(3.0) == 6, "double(3) is 6"


@exercise.agrees(points=4)
def hidden_numbers_42817(rng: np.random.Generator) -> Iterator[float]:
    """Agrees on random numbers."""
    yield from (float(x) for x in rng.normal(size=3))
