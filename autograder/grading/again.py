"""Checks of one submission run once more, with what the student's function says meanwhile."""

from __future__ import annotations

from collections.abc import Collection

from autograder.authoring.assignment import Assignment
from autograder.authoring.course import load_assignment
from autograder.authoring.exercise import Check
from autograder.grading.cpu_budget import CpuBudget
from autograder.grading.evidence import Witness
from autograder.grading.fixtures import Fixtures
from autograder.grading.judge import Judging
from autograder.grading.misconceptions.reply_cache import Remembered
from autograder.grading.settings import Settings
from autograder.grading.worker import Worker
from autograder.report.explanation import Again
from autograder.sandbox.listening import ListeningSession
from autograder.sandbox.session import UnreadableSubmission
from autograder.submission.discover import Found, read_bytes, read_companions
from autograder.submission.files import SubmissionProblem

CheckName = tuple[str, str]  # an exercise, and one of its checks


class CannotRunAgain(Exception):  # noqa: N818
    """A check cannot be run once more, in one sentence."""


def run_again(
    settings: Settings, assignment: str, found: Found, wanted: Collection[CheckName]
) -> dict[CheckName, Again]:
    """Run these checks in the sandbox, under the seed of the settings, in this process.

    A check is run also where one that it needs does not pass. Raises `CannotRunAgain`,
    `CourseError` or `SandboxError`.
    """
    lab = load_assignment(assignment, settings.course)
    worker = Worker(settings)
    try:
        return _run(worker, settings, lab, found, wanted)
    finally:
        worker.sandbox.close()


def _run(
    worker: Worker, settings: Settings, lab: Assignment, found: Found, wanted: Collection[CheckName]
) -> dict[CheckName, Again]:
    fixtures, budget = Fixtures(lab.name, settings.seed), CpuBudget()
    session = ListeningSession(worker.sandbox, fixtures.bench, settings.limits, budget.working)
    names = [exercise.name for exercise in lab.exercises]
    done: dict[CheckName, Again] = {}
    try:
        session.read(
            read_bytes(found), found.file_name, companions=read_companions(found), wanted=names
        )
        for exercise in lab.exercises:
            for check in exercise.checks:
                if (exercise.name, check.name) not in wanted:
                    continue
                witness = Witness(exercise, fixtures, budget, Remembered(1 << 20))
                judging = Judging(
                    exercise, session, fixtures, budget, None, lambda result: None, witness
                )

                def is_this(one: Check, name: str = check.name) -> bool:
                    return one.name == name

                judging.run(is_this)
                (result,) = judging.grade.checks
                done[exercise.name, check.name] = Again(result, *session.heard())
    except (SubmissionProblem, UnreadableSubmission) as problem:
        raise CannotRunAgain(f"{found.name} cannot be run again: {problem}") from problem
    finally:
        session.close()
    return done
