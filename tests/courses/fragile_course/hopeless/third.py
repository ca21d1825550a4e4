"""# Third
Return a third of a number."""

from __future__ import annotations

from autograder import Exercise
from moelab_kit import Answer

exercise = Exercise("third")


@exercise.solution
def third(x: float) -> float:
    """Return a third of x."""
    return x / 3


@exercise.law(points=1)
def broken(answer: Answer) -> None:
    """Two is a third of six."""
    assert answer(1 / 0) == 2, "not two"


@exercise.law(points=2, hidden=True)
def broken_too(answer: Answer) -> None:
    """Three is a third of nine."""
    assert answer(1 / 0) == 3, "not three"
