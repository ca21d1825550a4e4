"""# Fifth
Return a fifth of a number."""

from __future__ import annotations

from autograder import Exercise
from autograder.sandbox.errors import ShortageError
from moelab_kit import Answer

exercise = Exercise("fifth")


@exercise.solution
def fifth(x: float) -> float:
    """Return a fifth of x."""
    return x / 5


@exercise.law(points=1)
def starved(answer: Answer) -> None:
    """Two is a fifth of ten."""
    raise ShortageError("there is no room for another process")
