"""One attempt at a submission, whose answers may end the grader's own process.

Each attempt keeps a journal on disk of the check that is under way. When the process ends, the
journal tells at which check. A death alone proves nothing: somebody may have ended the process. The
next attempt, while no other submission is graded, runs that check again; if the process ends there
once more, the attempt after that asks whose fault it is instead.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from autograder.grading.settings import Settings
from autograder.records import Grade, Outcome
from autograder.submission.discover import Found

if TYPE_CHECKING:
    from autograder.grading.worker import Worker


CheckId = tuple[str, str]  # an exercise and one of its checks, by name
DEATHS_TO_DOUBT = 2  # at the same check, before the answers are no longer given to it
_EXTRAS = "extras"


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One attempt: where to write what is under way, and where earlier attempts ended.

    Without `extras` there are no hints and pictures: an earlier attempt ended at these. `alone`:
    no other submission is graded meanwhile, so that none can have taken what this one lacks.
    """

    journal: str
    deaths: tuple[CheckId, ...] = ()
    extras: bool = True
    alone: bool = False

    def begin(self, check_id: CheckId) -> None:
        """Write down which check is under way."""
        Path(self.journal).write_text("\n".join(check_id), encoding="utf-8")

    def begin_extras(self) -> None:
        """Write down that all checks are done, and hints and pictures are under way."""
        Path(self.journal).write_text(_EXTRAS, encoding="utf-8")

    def ended_at(self) -> CheckId | None:
        """The check that was under way; None where the attempt was not at any."""
        words = self._written().split("\n")
        return (words[0], words[1]) if len(words) == 2 else None

    def ended_at_extras(self) -> bool:
        """Whether hints and pictures were under way."""
        return self._written() == _EXTRAS

    def deaths_at(self, check_id: CheckId) -> int:
        """How many earlier attempts ended at a check."""
        return self.deaths.count(check_id)

    def _written(self) -> str:
        journal = Path(self.journal)
        return journal.read_text(encoding="utf-8") if journal.exists() else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptResult:
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
    settings: Settings, assignment: str, found: Found, attempt: Attempt | None = None
) -> AttemptResult:
    """Grade one submission in this process: the unit of work of any scheduler."""
    return worker_for(settings).attempt(assignment, found, attempt)


def assignment_task(settings: Settings, found: Found) -> str:
    """Ask for a submission's assignment in this process."""
    return worker_for(settings).assignment_of(found)


def revision_task(settings: Settings, assignment: str) -> str:
    """The revision of an assignment; raises `CourseError` where it cannot be loaded."""
    from autograder.authoring.course import load_assignment
    from autograder.grading.revision import course_revision

    return course_revision(load_assignment(assignment, settings.course))


def functions_task(settings: Settings, assignment: str) -> tuple[str, ...]:
    """The functions that an assignment asks for, in order."""
    from autograder.authoring.course import load_assignment

    exercises = load_assignment(assignment, settings.course).exercises
    return tuple(exercise.name for exercise in exercises)


def told_task(settings: Settings, assignment: str) -> tuple[str, dict[tuple[str, str], str]]:
    """The title of an assignment, and the new name of each exercise and check that was renamed."""
    from autograder.authoring.course import load_assignment

    lab = load_assignment(assignment, settings.course)
    names = {(old, ""): exercise.name for exercise in lab.exercises for old in exercise.aliases}
    names |= {
        (exercise.name, old): check.name
        for exercise in lab.exercises
        for check in exercise.checks
        for old in check.aliases
    }
    return lab.title, names


def isolation_task(settings: Settings) -> str:
    """The isolation level that this process's sandbox has reached."""
    return worker_for(settings).sandbox.level


def ungraded_task(
    settings: Settings, assignment: str, found: Found, outcome: Outcome, reason: str
) -> Grade:
    """The grade of a submission that could not be graded to its end."""
    from autograder.authoring.course import load_assignment
    from autograder.grading.worker import ungraded

    lab = load_assignment(assignment, settings.course)
    return ungraded(lab, found, "", outcome, reason)
