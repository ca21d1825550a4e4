"""Where solutions are tried: in this process, through the wire format, with a limit on time."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from autograder.authoring.exercise import Exercise
from autograder.grading.judge import judge_exercise
from autograder.grading.limited import LimitedSession
from autograder.grading.local import LocalSession
from autograder.grading.material import Material
from autograder.records import ExerciseGrade


class Stage:
    """The material of one run, on which one solution after another is judged."""

    def __init__(self, assignment: str, seed: str) -> None:
        self.seed = seed
        self.material = Material(assignment, seed)
        self._functions: dict[str, Callable[..., Any]] = {}
        self._session = LimitedSession(LocalSession(self._functions, self.material.bench))

    def judge(self, exercise: Exercise, function: Callable[..., Any]) -> ExerciseGrade:
        """Grade one exercise with `function` as the student's."""
        self._functions[exercise.name] = function
        try:
            return judge_exercise(exercise, self._session, self.material)
        finally:
            del self._functions[exercise.name]
            _close_figures()


def _close_figures() -> None:
    pyplot = sys.modules.get("matplotlib.pyplot")
    if pyplot is not None:
        pyplot.close("all")
