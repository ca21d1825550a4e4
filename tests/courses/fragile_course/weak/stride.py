"""# A stride
Return the number."""

from __future__ import annotations

import os
import signal

from autograder import Exercise
from moelab_kit import Answer

exercise = Exercise("stride")

FATAL = -9


def fragile(number: int) -> int:
    """Stands for a C library that crashes on some input."""
    if number == FATAL:
        os.kill(os.getpid(), signal.SIGKILL)
    return number


@exercise.solution
def stride(x: int) -> int:
    """Return x."""
    return x


@exercise.law(points=1)
def one(answer: Answer) -> None:
    """One is one."""
    assert fragile(answer(1)) == 1, "not one"


@exercise.law(points=2, hidden=True)
def two(answer: Answer) -> None:
    """Two is two."""
    assert fragile(answer(2)) == 2, "not two"


@exercise.law(points=3, hidden=True)
def three(answer: Answer) -> None:
    """Counting up to the answer gives three."""
    count = 0
    while count < fragile(answer(3)):
        count += 1
    assert count == 3, "not three"
