"""Grading a class into a gradebook: find, keep what is graded already, grade the rest, report.

The one path for `moelab grade`, the demo and whoever else grades files.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from autograder.gradebook import Gradebook
from autograder.grading.batch import Grading
from autograder.grading.tasks import Settings
from autograder.records import SUPERSEDED, ClassGrades, Grade, Run
from autograder.sandbox.limits import Limits
from autograder.submission.discover import (
    Found,
    SubmissionProblem,
    digest_of_bytes,
    find_submissions,
    read_bytes,
)

MODELS = ("tiny",)


class NothingToGrade(Exception):  # noqa: N818
    """There is nothing that can be graded, in one sentence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What to grade, and how. An empty `assignment` is taken from the submissions.

    `hidden` are further files of the grader (reports, gradebook) that no submission may read.
    """

    paths: tuple[Path, ...]
    jobs: int
    assignment: str = ""
    course: str = "reference"
    seed: str = ""
    isolation: str = "auto"
    limits: Limits = field(default_factory=Limits)
    regrade: bool = False
    hidden: tuple[Path, ...] = ()


@dataclass(frozen=True, slots=True)
class Watch:
    """What hears of the progress: `begin` gets the numbers of all and of kept submissions."""

    say: Callable[[str], None]
    begin: Callable[[int, int], None]
    graded: Callable[[Grade], None]


def grade_class(order: Order, book: Gradebook, watch: Watch) -> ClassGrades:
    """Grade the submissions of an order, and return all their grades in order.

    Each grade is in the gradebook as soon as `watch.graded` hears of it. Raises `NothingToGrade`,
    `CourseError`, `SandboxError` or `GradebookError`.
    """
    try:
        found = find_submissions(order.paths)
    except ValueError as error:
        raise NothingToGrade(str(error)) from error
    if not found:
        places = ", ".join(map(str, order.paths))
        raise NothingToGrade(f"{places}: there is no .ipynb, .py or .zip file in it")
    settings = _settings(order)
    watch.say("loading the course" if order.assignment else "starting the sandbox")
    with Grading(settings, min(order.jobs, len(found))) as grading:
        assignment = order.assignment or grading.detect_assignment(found)
        if not assignment:
            raise NothingToGrade(
                "no submission names its assignment in its metadata: give --assignment NAME"
            )
        revision = grading.revision(assignment)
        held = {} if order.regrade else book.held(assignment, revision)
        waiting = [one for one in found if not _is_held(one, held.get((one.name, _digest(one))))]
        watch.begin(len(found), len(found) - len(waiting))
        if waiting:
            run = Run(
                assignment=assignment,
                course_revision=revision,
                seed=settings.seed,
                isolation=grading.isolation,
                models=MODELS,
            )
            _grade(grading, waiting, book, run, watch)
    return book.latest(assignment, [one.name for one in found])


def _settings(order: Order) -> Settings:
    folders = {path if path.is_dir() else path.parent for path in order.paths}
    hidden = sorted(path.resolve() for path in (*folders, *order.hidden))
    return Settings(
        seed=order.seed or secrets.token_hex(16),
        isolation=order.isolation,
        limits=order.limits,
        course=order.course,
        hidden=tuple(map(str, hidden)),
    )


def _grade(
    grading: Grading, waiting: Sequence[Found], book: Gradebook, run: Run, watch: Watch
) -> None:
    run_id = book.start_run(run)
    by_name = {one.name: one for one in waiting}
    for grade in grading.run(run.assignment, waiting):
        newest = by_name[grade.submission].superseded_by
        if newest:
            grade = replace(grade, notes=(*grade.notes, SUPERSEDED + newest))
        book.record(run_id, grade)
        watch.graded(grade)


def _is_held(one: Found, grade: Grade | None) -> bool:
    """Whether a grade still says all there is to say, also on which submission counts."""
    if grade is None:
        return False
    said = [note for note in grade.notes if note.startswith(SUPERSEDED)]
    return said == ([SUPERSEDED + one.superseded_by] if one.superseded_by else [])


def _digest(found: Found) -> str:
    try:
        return digest_of_bytes(read_bytes(found))
    except SubmissionProblem:
        return ""
