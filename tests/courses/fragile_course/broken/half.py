"""# Half
Return half of a number."""

from __future__ import annotations

from autograder import Exercise
from moelab_kit import Answer

exercise = Exercise("half")


@exercise.solution
def half(x: float) -> float:
    """Return half of x."""
    return x / 2


@exercise.law(points=1)
def broken(answer: Answer) -> None:
    """Two is half of four."""
    assert answer(4) / 0 == 2, "not two"


@exercise.law(points=2, hidden=True)
def whole(answer: Answer) -> None:
    """Three is half of six."""
    assert answer(6) == 3, "not three"
