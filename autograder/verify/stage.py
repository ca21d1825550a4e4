"""Where solutions are tried: in this process, through the wire format, with a limit on time."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from autograder.authoring.exercise import Exercise
from autograder.courses import OURS
from autograder.grading.fixtures import Fixtures
from autograder.grading.judge import judge_exercise
from autograder.grading.sessions import LimitedSession, LocalSession
from autograder.records import CheckResult, ExerciseGrade
from autograder.seeds import bench_seed_of
from autograder.session import Session
from moelab_kit.bench import bench_of


class Stage:
    """The fixtures of one run, on which one solution after another is judged."""

    def __init__(self, assignment: str, seed: str, packages: tuple[str, ...] = OURS) -> None:
        self.seed = seed
        bench = bench_of(packages, bench_seed_of(seed))
        self.fixtures = Fixtures(assignment, seed, bench)
        self._functions: dict[str, Callable[..., Any]] = {}
        self._session = LimitedSession(LocalSession(self._functions, self.fixtures.bench))

    def judge(
        self,
        exercise: Exercise,
        function: Callable[..., Any],
        watch: Callable[[CheckResult], None] = lambda result: None,
    ) -> ExerciseGrade:
        """Grade one exercise with `function` as the student's; `watch` hears of each result."""
        self._functions[exercise.name] = function
        try:
            return self.judge_session(exercise, self._session, watch)
        finally:
            del self._functions[exercise.name]

    def judge_session(
        self,
        exercise: Exercise,
        session: Session,
        watch: Callable[[CheckResult], None] = lambda result: None,
    ) -> ExerciseGrade:
        """Grade one exercise of a submission that is no function of this process."""
        try:
            return judge_exercise(exercise, session, self.fixtures, watch=watch)
        finally:
            _close_figures()


def _close_figures() -> None:
    pyplot = sys.modules.get("matplotlib.pyplot")
    if pyplot is not None:
        pyplot.close("all")
