"""Grading a class into a gradebook: find, keep what is graded already, grade the rest, report.

The one path for `moelab grade`, the demo and whoever else grades files.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from autograder.gradebook import Gradebook, Interrupted
from autograder.grading.batch import Grading
from autograder.grading.settings import Settings
from autograder.models.choice import ModelChoice
from autograder.models.choice import digest_of as digest_of_model
from autograder.records import LATE, ClassGrades, Grade, Run
from autograder.sandbox.limits import Limits, at_once, sharing_threads
from autograder.serving.placement import Placement
from autograder.submission.counting import counting
from autograder.submission.discover import Found, digest_of, find_submissions, read_bytes
from autograder.submission.files import SubmissionProblem

TINY_ALONE = ("tiny",)

_UNBOUNDED = (
    "each submission's memory is limited, but the kernel does not watch over their sum: {} "
    "(`moelab doctor` says what helps)"
)


class NothingToGrade(Exception):  # noqa: N818
    """There is nothing that can be graded, in one sentence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What to grade, and how. An empty `assignment` is taken from the submissions.

    `total_memory` in bytes is for all submissions at once, 0 for most of the machine's. `hidden`
    are further files of the grader (reports, gradebook) that no submission may read. With
    `pictures` the figures that submissions draw are kept with their grades. `models` are the names
    for the reports, `full_scale` those that are not tiny, `placements` where.
    """

    paths: tuple[Path, ...]
    jobs: int
    assignment: str = ""
    course: str = "reference"
    seed: str = ""
    isolation: str = "auto"
    limits: Limits = field(default_factory=Limits)
    total_memory: int = 0
    regrade: bool = False
    hidden: tuple[Path, ...] = ()
    pictures: bool = False
    models: tuple[str, ...] = TINY_ALONE
    full_scale: tuple[ModelChoice, ...] = ()
    placements: tuple[Placement, ...] = ()


@dataclass(frozen=True, slots=True)
class Watch:
    """What hears of the progress: `begin` gets the numbers of all and of kept submissions.

    `tell` takes a sentence on this run that stays, `say` what is being done now.
    """

    tell: Callable[[str], None]
    say: Callable[[str], None]
    begin: Callable[[int, int], None]
    graded: Callable[[Grade], None]


def grade_class(order: Order, book: Gradebook, watch: Watch) -> ClassGrades:
    """Grade the submissions of an order, and return all their grades in order.

    Each grade is in the gradebook as soon as `watch.graded` hears of it. Raises `NothingToGrade`,
    `CourseError`, `SandboxError`, `ModelError` or `GradebookError`.
    """
    try:
        found = find_submissions(order.paths)
    except ValueError as error:
        raise NothingToGrade(str(error)) from error
    if not found:
        places = ", ".join(map(str, order.paths))
        raise NothingToGrade(f"{places}: there is no .ipynb, .py or .zip file in it")
    jobs, fewer = at_once(min(order.jobs, len(found)), order.limits, order.total_memory)
    jobs, limits, crowded = sharing_threads(jobs, order.limits)
    settings = replace(_settings(order), limits=limits)
    for said in filter(None, (fewer, crowded)):
        watch.tell(said)
    watch.say("loading the course" if order.assignment else "starting the sandbox")
    with Grading(settings, jobs, order.full_scale) as grading:
        if grading.fewer:
            watch.tell(grading.fewer)
        assignment = order.assignment or grading.detect_assignment(found)
        if not assignment:
            raise NothingToGrade(
                "no submission names its assignment in its metadata: give --assignment NAME"
            )
        title, renamed = grading.told(assignment)
        book.rename(assignment, renamed, datetime.now(UTC))
        revision = grading.revision(assignment) + _mark(order.models, order.full_scale)
        found = counting(found, grading.functions(assignment))
        for warning in sorted({one.warning for one in found if one.warning}):
            watch.tell(warning)
        rest = book.interrupted(assignment, revision)
        if rest is not None and not rest.goes_on(seed=order.seed, regrade=order.regrade):
            rest = None
        held = _held(order, book, assignment, revision, rest)
        waiting = [one for one in found if (one.name, _digest(one)) not in held]
        book.replace(assignment, {one.name: one.superseded_by for one in found})
        watch.begin(len(found), len(found) - len(waiting))
        if waiting:
            if rest is not None:
                grading.use_seed(rest.seed)
            run = Run(
                assignment=assignment,
                course_revision=revision,
                seed=grading.seed,
                isolation=grading.isolation,
                models=order.models,
                title=title,
            )
            if grading.unbounded:
                watch.tell(_UNBOUNDED.format(grading.unbounded))
            run_id, run = book.go_on(run, seed=order.seed, regrade=order.regrade)
            book.keep_places(run_id, [str(path.resolve()) for path in order.paths])
            grading.use_seed(run.seed)
            _grade(grading, waiting, book, (run_id, run), watch, len(found) - len(waiting))
            book.end_run(run_id)
        elif rest is not None:
            book.end_run(rest.number)
    return book.latest(assignment, [one.name for one in found])


def _held(
    order: Order, book: Gradebook, assignment: str, revision: str, rest: Interrupted | None
) -> dict[tuple[str, str], Grade]:
    """What need not be graded: all that is graded, or what an interrupted regrade did already."""
    if not order.regrade:
        return book.held(assignment, revision)
    return {} if rest is None else book.held(assignment, revision, in_run=rest.first)


def _mark(models: tuple[str, ...], full_scale: tuple[ModelChoice, ...]) -> str:
    """What tells a revision with other models, or other weights of theirs, apart."""
    if models == TINY_ALONE:
        return ""
    files = [digest for one in full_scale if (digest := digest_of_model(one))]
    return "+" + hashlib.sha256("\0".join((*models, *files)).encode()).hexdigest()[:6]


def _settings(order: Order) -> Settings:
    folders = {path if path.is_dir() else path.parent for path in order.paths}
    hidden = sorted(path.resolve() for path in (*folders, *order.hidden))
    return Settings(
        seed=order.seed or secrets.token_hex(16),
        isolation=order.isolation,
        limits=order.limits,
        course=order.course,
        hidden=tuple(map(str, hidden)),
        pictures=order.pictures,
        placements=order.placements,
    )


def _grade(
    grading: Grading,
    waiting: Sequence[Found],
    book: Gradebook,
    started: tuple[int, Run],
    watch: Watch,
    kept: int,
) -> None:
    run_id, run = started
    by_name = {one.name: one for one in waiting}
    for grade in grading.run(run.assignment, waiting, kept=kept):
        one = by_name[grade.submission]
        grade = replace(
            grade,
            replaced_by=one.superseded_by,
            identity=one.identity,
            late=one.late,
            submitted=one.submitted,
            notes=(*grade.notes, *([LATE] if one.late else [])),
        )
        book.record_once(run_id, grade)
        watch.graded(grade)


def _digest(found: Found) -> str:
    try:
        return digest_of(found, read_bytes(found))
    except SubmissionProblem:
        return ""
