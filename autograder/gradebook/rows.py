"""Records as rows of the gradebook, and rows as records again."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from itertools import groupby
from typing import Any

from sqlalchemy import RowMapping

from autograder.gradebook.decisions import Adjustment
from autograder.records import (
    LONGEST_EVIDENCE,
    LONGEST_SENTENCE,
    CheckResult,
    Evidence,
    ExerciseGrade,
    Grade,
    Outcome,
    Run,
)
from autograder.text import clean_line, clean_name, clean_text

_WEAKEST_FIRST = ("none", "landlock", "namespaces")


def of_run(run: Run) -> dict[str, Any]:
    """A run's columns."""
    return {
        "assignment": run.assignment,
        "course_revision": run.course_revision,
        "seed": clean_name(run.seed),
        "isolation": run.isolation,
        "models": list(run.models),
        "title": clean_line(run.title),
    }


def of_grade(grade: Grade) -> dict[str, Any]:
    """A grade's own columns. Text is cleaned, so that every database can keep it."""
    return {
        "student": clean_name(grade.student),
        "submission": clean_name(grade.submission),
        "digest": grade.digest,
        "readable": grade.readable,
        "notes": [clean_text(note) for note in grade.notes],
        "identity": [clean_line(key) for key in grade.identity],
        "late": grade.late,
        "submitted": in_utc(grade.submitted),
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
        "hint": clean_text(check.hint),
        "promises": [clean_line(sentence, LONGEST_SENTENCE) for sentence in check.promises],
        "evidence": _of_evidence(check.evidence),
        "seconds": check.seconds if math.isfinite(check.seconds) else 0.0,
    }


def _of_evidence(evidence: Evidence | None) -> list[str]:
    """A call, what it gave and what was expected; empty where nothing is known."""
    if evidence is None:
        return []
    texts = (evidence.call, evidence.got, evidence.expected)
    return [clean_line(text, LONGEST_EVIDENCE) for text in texts]


def of_adjustment(adjustment: Adjustment) -> dict[str, Any]:
    """An adjustment's columns."""
    return {
        "exercise": clean_line(adjustment.exercise),
        "points": adjustment.points,
        "who": clean_line(adjustment.who),
        "why": clean_text(adjustment.why),
        "made": adjustment.made,
    }


def in_utc(moment: datetime | None) -> datetime | None:
    """A moment of the database: SQLite gives back what it got without its time zone."""
    if moment is None:
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def run_in(row: RowMapping) -> Run:
    """The run of a joined row."""
    return Run(
        assignment=row["run_assignment"],
        course_revision=row["run_course_revision"],
        seed=row["run_seed"],
        isolation=row["run_isolation"],
        models=tuple(row["run_models"]),
        title=row["run_title"],
    )


def grade_in(
    of_attempt: list[RowMapping], pictures: Mapping[int, bytes], codes: Mapping[int, str]
) -> Grade:
    """The grade of the joined rows of one attempt; pictures and codes by the exercise's number."""
    first = of_attempt[0]
    return Grade(
        student=first["student"],
        submission=first["submission"],
        digest=first["digest"],
        readable=bool(first["readable"]),
        notes=tuple(first["notes"]),
        identity=tuple(first["identity"]),
        late=bool(first["late"]),
        submitted=in_utc(first["submitted"]),
        exercises=tuple(_exercises(of_attempt, pictures, codes)),
    )


def adjustment_in(row: RowMapping) -> Adjustment:
    """The adjustment of a row."""
    return Adjustment(
        exercise=row["exercise"],
        points=row["points"],
        who=row["who"],
        why=row["why"],
        made=row["made"],
    )


def combined(newest_last: list[Run]) -> Run:
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


def _exercises(
    of_attempt: Iterable[RowMapping], pictures: Mapping[int, bytes], codes: Mapping[int, str]
) -> Iterator[ExerciseGrade]:
    for number, group in groupby(of_attempt, key=lambda row: row["exercise_id"]):
        if number is None:  # an attempt without any exercise
            continue
        of_exercise = list(group)
        yield ExerciseGrade(
            name=of_exercise[0]["exercise_name"],
            checks=tuple(_check(row) for row in of_exercise if row["check_id"] is not None),
            picture=pictures.get(number, b""),
            code=codes.get(number, ""),
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
        hint=row["check_hint"],
        promises=tuple(row["check_promises"]),
        evidence=_evidence(row["check_evidence"]),
        seconds=row["check_seconds"],
    )


def _evidence(texts: list[str]) -> Evidence | None:
    if not texts:
        return None
    call, got, expected = texts
    return Evidence(call=call, got=got, expected=expected)
