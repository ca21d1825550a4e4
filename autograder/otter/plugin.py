"""The Otter plugin: grades in moelab's sandbox, and lets Otter report the verdicts.

Otter's kernel gets a notebook of ours and an empty folder, so that it never runs, imports or
unpickles anything of the student's.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import nbformat
from otter.plugins import AbstractOtterPlugin
from otter.run import AutograderConfig
from otter.run.run_autograder.utils import OtterRuntimeError
from otter.test_files import GradingResults

from autograder.otter import engine
from autograder.otter.engine import CannotGrade, Order, grade_file_of
from autograder.otter.handover import PASSING, message_of, verdict_notebook
from autograder.otter.quarantine import (
    OTTERS_OWN,
    NoSubmission,
    check_handed_in,
    set_aside,
    write_placeholder,
)
from autograder.records import ExerciseGrade, Grade, Outcome, Run, Status
from autograder.report.lms.gradescope import result_of
from autograder.text import clean_text

NAME = "autograder.otter.plugin.GradedByMoelab"
ASIDE = "set_aside"  # a key of the configuration: where the student's files are already

_PASSED, _FAILED = "✅ Test case passed", "❌ Test case failed"


class GradedByMoelab(AbstractOtterPlugin):  # type: ignore[misc] # Otter has no types
    """Handles the events of one submission, in the order in which they are defined here."""

    _run: Run
    _grade: Grade
    _submission: Path

    def before_grading(self, config: AutograderConfig) -> None:
        """Take the student's files away, and switch off what would read them nevertheless."""
        config.grade_from_log = False
        config.pdf = False
        config.token = None
        here = Path(self.submission_path)
        try:
            if ASIDE in self.plugin_config:
                self._submission = Path(self.plugin_config[ASIDE])
            else:
                self._submission = set_aside(here.parent, keep=OTTERS_OWN)
            check_handed_in(self._submission)
        except (NoSubmission, OSError) as problem:
            raise OtterRuntimeError(f"The submission cannot be graded: {problem}.") from problem
        write_placeholder(here)

    def before_execution(self, submission: nbformat.NotebookNode) -> nbformat.NotebookNode:
        """Grade in the sandbox, and return the notebook that Otter executes instead."""
        source = Path(self.submission_path).parents[1] / "source"
        try:
            order = Order.of(self.plugin_config)
            self._run, self._grade = grade_file_of(self._submission, order, source / engine.FOLDER)
        except CannotGrade as error:
            raise OtterRuntimeError(
                f"Nothing was graded, and this says nothing about the submission. {error}"
            ) from error
        return verdict_notebook(self._grade)

    def after_grading(self, results: GradingResults) -> None:
        """Make sure that Otter says what was graded, and give each check its message alone."""
        if results.has_catastrophic_failure():
            raise OtterRuntimeError(
                f"Otter's kernel gave back no results: {results.catastrophic_error}"
            )
        if set(results.test_files) != {exercise.name for exercise in self._grade.exercises}:
            raise OtterRuntimeError("Otter's tests are not those of the assignment")
        for exercise in self._grade.exercises:
            _report(exercise, results.get_result(exercise.name))
        if not math.isclose(results.possible, self._grade.possible, abs_tol=1e-9):
            raise OtterRuntimeError("Otter's points are not those of the assignment")
        whole = result_of(self._grade, self._run)
        if whole["output"]:
            results.set_output(whole["output"])
        results.set_plugin_data(NAME, whole)

    def generate_report(self) -> str:
        """For the instructor: how it was graded, so that it can be done again."""
        lines = [
            f"assignment {self._run.assignment}, course revision {self._run.course_revision}",
            f"isolation {self._run.isolation}, seed {self._run.seed}",
            f"submission {self._grade.submission}, {self._grade.digest}",
            f"status {self._grade.status.value}",
            *(clean_text(note) for note in self._grade.notes),
        ]
        if self._grade.status is Status.NEEDS_REVIEW:
            lines += [
                f"{exercise.name}, {check.name}: {clean_text(check.message)}"
                for exercise in self._grade.exercises
                for check in exercise.checks
                if check.outcome is Outcome.GRADER_ERROR
            ]
        return "\n".join(lines)


def _report(exercise: ExerciseGrade, test_file: Any) -> None:
    """Compare Otter's results of an exercise with ours, and put our messages into them."""
    results = test_file.test_case_results
    told = [(r.test_case.name, r.test_case.hidden, r.passed) for r in results]
    known = [(c.title, c.hidden, c.outcome in PASSING) for c in exercise.checks]
    same_score = math.isclose(test_file.score, exercise.score, abs_tol=1e-9)
    if told != known or not same_score:
        raise OtterRuntimeError(f"Otter's results of {exercise.name} are not what was graded")
    for result, check in zip(results, exercise.checks, strict=True):
        lines = (_PASSED if result.passed else _FAILED, message_of(exercise.name, check))
        result.message = "\n".join(filter(None, lines))
