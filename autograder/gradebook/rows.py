"""Records as rows of the gradebook, and rows as records again."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import groupby
from typing import Any

from sqlalchemy import RowMapping, Select, select

from autograder.gradebook.schema import attempts, check_results, exercise_results, runs
from autograder.records import CheckResult, ExerciseGrade, Grade, Outcome, Run
from autograder.wire.text import clean_line, clean_name, clean_text

_WEAKEST_FIRST = ("none", "landlock", "namespaces")


def of_run(run: Run) -> dict[str, Any]:
    """A run's columns."""
    return {
        "assignment": run.assignment,
        "course_revision": run.course_revision,
        "seed": clean_name(run.seed),
        "isolation": run.isolation,
        "models": list(run.models),
    }


def of_grade(grade: Grade) -> dict[str, Any]:
    """A grade's own columns. Text is cleaned, so that every database can keep it."""
    return {
        "student": clean_name(grade.student),
        "submission": clean_name(grade.submission),
        "digest": grade.digest,
        "readable": grade.readable,
        "notes": [clean_text(note) for note in grade.notes],
    }


def of_check(check: CheckResult) -> dict[str, Any]:
    """A check result's columns."""
    return {
        "name": clean_line(check.name),
        "title": clean_line(check.title),
        "hidden": check.hidden,
        "points": check.points,
        "outcome": check.outcome.value,
        "message": clean_text(check.message),
        "misconception": None if check.misconception is None else clean_text(check.misconception),
        "seconds": check.seconds if math.isfinite(check.seconds) else 0.0,
    }


def joined(attempt_ids: Select[tuple[int]]) -> Select[Any]:
    """One row per check of these attempts, with its exercise, attempt and run, in order."""
    wanted = attempt_ids.subquery()
    return (
        select(
            attempts,
            *(column.label(f"run_{column.name}") for column in runs.c if column.name != "id"),
            exercise_results.c.name.label("exercise_name"),
            exercise_results.c.position.label("exercise_position"),
            *(column.label(f"check_{column.name}") for column in check_results.c),
        )
        .join(wanted, wanted.c.id == attempts.c.id)
        .join(runs, runs.c.id == attempts.c.run_id)
        .outerjoin(exercise_results, exercise_results.c.attempt_id == attempts.c.id)
        .outerjoin(check_results, check_results.c.exercise_result_id == exercise_results.c.id)
        .order_by(attempts.c.id, exercise_results.c.position, check_results.c.position)
    )


def as_grades(found: Sequence[RowMapping]) -> list[tuple[int, Run, Grade]]:
    """Build the grades from joined rows, by name, each with its run and the run's number."""
    built = []
    for _, group in groupby(found, key=lambda row: row["id"]):
        of_attempt = list(group)
        first = of_attempt[0]
        grade = Grade(
            student=first["student"],
            submission=first["submission"],
            digest=first["digest"],
            readable=bool(first["readable"]),
            notes=tuple(first["notes"]),
            exercises=tuple(_exercises(of_attempt)),
        )
        built.append((int(first["run_id"]), _run(first), grade))
    return sorted(built, key=lambda entry: entry[2].submission)


def combined(newest_last: Sequence[Run]) -> Run:
    """The newest run, but with the weakest isolation of them all: a report must not hide it."""
    weakest = min(newest_last, key=lambda run: _strength(run.isolation)).isolation
    return replace(newest_last[-1], isolation=weakest)


def with_revision_note(grade: Grade, graded_in: Run, newest: Run) -> Grade:
    """Say on a grade that it comes from another revision of the course than the newest."""
    if graded_in.course_revision == newest.course_revision:
        return grade
    note = (
        f"graded with course revision {graded_in.course_revision}, which is not the newest: "
        "grade this submission again to compare it with the others"
    )
    return replace(grade, notes=(*grade.notes, note))


def _strength(isolation: str) -> int:
    return _WEAKEST_FIRST.index(isolation) if isolation in _WEAKEST_FIRST else -1


def _run(row: RowMapping) -> Run:
    return Run(
        assignment=row["run_assignment"],
        course_revision=row["run_course_revision"],
        seed=row["run_seed"],
        isolation=row["run_isolation"],
        models=tuple(row["run_models"]),
    )


def _exercises(of_attempt: Iterable[RowMapping]) -> Iterable[ExerciseGrade]:
    for position, group in groupby(of_attempt, key=lambda row: row["exercise_position"]):
        if position is None:  # an attempt without any exercise
            continue
        of_exercise = list(group)
        yield ExerciseGrade(
            name=of_exercise[0]["exercise_name"],
            checks=tuple(_check(row) for row in of_exercise if row["check_id"] is not None),
        )


def _check(row: RowMapping) -> CheckResult:
    return CheckResult(
        name=row["check_name"],
        title=row["check_title"],
        hidden=bool(row["check_hidden"]),
        points=row["check_points"],
        outcome=Outcome(row["check_outcome"]),
        message=row["check_message"],
        misconception=row["check_misconception"],
        seconds=row["check_seconds"],
    )
