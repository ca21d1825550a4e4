"""Running what a student lost points at once more, for the instructor who has to explain it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from autograder.gradebook.reading import Attempt
from autograder.grading.again import run_again
from autograder.grading.settings import Settings
from autograder.records import Grade, Outcome
from autograder.report.explanation import CannotExplain, Explanation
from autograder.sandbox.limits import Limits
from autograder.submission.counting import counting
from autograder.submission.discover import Found, digest_of, find_submissions, read_bytes
from autograder.submission.files import SubmissionProblem


def rerun(
    explanation: Explanation,
    attempt: Attempt,
    paths: Sequence[Path],
    *,
    course: str,
    hidden: Sequence[Path] = (),
    limits: Limits | None = None,
) -> Explanation:
    """The explanation with each check run once more on the student's file, under its run's seed.

    `paths` is where the submissions lie. Raises `CannotExplain` where the file that was graded is
    not there any more, `CannotRunAgain`, `CourseError` or `SandboxError`.
    """
    wanted = [
        (one.exercise.name, told.check.name)
        for one in explanation.exercises
        for told in one.checks
        if told.check.outcome is not Outcome.MISSING
    ]
    if not wanted:
        return explanation
    names = tuple(exercise.name for exercise in explanation.grade.exercises)
    found = _file_of(attempt.grade, paths, names)
    folders = {path if path.is_dir() else path.parent for path in paths}
    settings = Settings(
        seed=attempt.run.seed,
        limits=limits or Limits(),
        course=course,
        hidden=tuple(sorted(str(path.resolve()) for path in (*folders, *hidden))),
    )
    done = run_again(settings, attempt.run.assignment, found, wanted)
    exercises = (
        replace(
            one,
            checks=tuple(
                replace(told, again=done.get((one.exercise.name, told.check.name)))
                for told in one.checks
            ),
        )
        for one in explanation.exercises
    )
    return replace(explanation, exercises=tuple(exercises))


def _file_of(grade: Grade, paths: Sequence[Path], functions: tuple[str, ...]) -> Found:
    """The file that was graded, known by its name and contents."""
    there = [path for path in paths if path.exists()]
    if not there:
        where = ", ".join(map(str, paths)) or "a place that the gradebook does not know"
        raise CannotExplain(
            f"the submissions lay in {where}, and are not there any more: say where they are with "
            "--submissions FOLDER"
        )
    try:
        found = {one.name: one for one in counting(find_submissions(there), functions)}
        one = found[grade.submission]
        same = digest_of(one, read_bytes(one)) == grade.digest
    except (KeyError, ValueError, SubmissionProblem) as error:
        places = ", ".join(map(str, there))
        raise CannotExplain(
            f"{grade.submission} is not in {places} any more: say where it is with "
            "--submissions FOLDER"
        ) from error
    if not same:
        raise CannotExplain(
            f"{grade.submission} has changed since it was graded: grade it again, then explain"
        )
    return one
