"""The units of work that a scheduler sends to worker processes, and what they must know.

Importing this costs nothing: torch and the course are loaded where a task runs.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING

from autograder.grading.place import Place
from autograder.grading.trial import Trial
from autograder.records import Grade, Outcome
from autograder.sandbox.limits import Limits
from autograder.submission.discover import Found

if TYPE_CHECKING:
    from autograder.grading.worker import Worker


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What every worker of a run must know; plain data, so that it can travel to any process.

    `hidden` are files of this run (gradebook, submissions) that no submission may read even where
    they lie inside a library folder. With `pictures` each figure that is drawn is also kept as PNG.
    `places` are the devices that workers share, `place` the number of this worker's; none is the
    CPU with the tiny models alone.
    """

    seed: str
    isolation: str = "auto"
    limits: Limits = field(default_factory=Limits)
    course: str = "reference"
    hidden: tuple[str, ...] = ()
    pictures: bool = False
    places: tuple[Place, ...] = ()
    place: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """A grade, and whether something besides the answers may have brought a verdict about.

    `judged` is whether the checks were run at all.
    """

    grade: Grade
    doubtful: bool
    judged: bool = True

    @property
    def broken(self) -> str:
        """What went wrong on the grader's side, "" for nothing."""
        checks = (check for exercise in self.grade.exercises for check in exercise.checks)
        return next((c.message for c in checks if c.outcome is Outcome.GRADER_ERROR), "")


@lru_cache(maxsize=1)
def worker_for(settings: Settings) -> Worker:
    """This process's worker of a run: made at the first task, kept for the next ones."""
    from autograder.grading.worker import Worker

    return Worker(settings)


def grade_task(
    settings: Settings, assignment: str, found: Found, trial: Trial | None = None
) -> Attempt:
    """Grade one submission in this process: the unit of work of any scheduler."""
    return worker_for(settings).attempt(assignment, found, trial)


def assignment_task(settings: Settings, found: Found) -> str:
    """Ask for a submission's assignment in this process."""
    return worker_for(settings).assignment_of(found)


def revision_task(settings: Settings, assignment: str) -> str:
    """The revision of an assignment; raises `CourseError` where it cannot be loaded."""
    from autograder.grading.course import course_revision, load_assignment

    return course_revision(load_assignment(assignment, settings.course))


def functions_task(settings: Settings, assignment: str) -> tuple[str, ...]:
    """The functions that an assignment asks for, in order."""
    from autograder.grading.course import load_assignment

    exercises = load_assignment(assignment, settings.course).exercises
    return tuple(exercise.name for exercise in exercises)


def isolation_task(settings: Settings) -> str:
    """The isolation level that this process's sandbox has reached."""
    return worker_for(settings).sandbox.level


def ungraded_task(
    settings: Settings, assignment: str, found: Found, outcome: Outcome, reason: str
) -> Grade:
    """The grade of a submission that could not be graded to its end."""
    from autograder.grading.course import load_assignment
    from autograder.grading.worker import ungraded

    lab = load_assignment(assignment, settings.course)
    return ungraded(lab, found, "", outcome, reason)
