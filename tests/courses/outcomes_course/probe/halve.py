"""# Halve
Return half the number. One of its checks is broken on purpose."""

from __future__ import annotations

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
    assert answer(6.0) == 3, "half of six is three"


@exercise.law(points=3, hidden=True)
def divides_by_nothing(answer: Answer) -> None:
    """The author's own mistake."""
    assert answer(1.0) / (answer(0.0) * 0) == 0
