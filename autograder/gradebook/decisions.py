"""What people decide after grading: points by hand, and which of a student's files counts."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from autograder.records import MANUAL_ADJUSTMENT, CheckResult, ExerciseGrade, Grade, Outcome

REPLACED_NOTE = "does not count: the same student's newest submission is "


@dataclass(frozen=True, slots=True, kw_only=True)
class Adjustment:
    """Points that a person set for one exercise; `None` takes an earlier adjustment back."""

    exercise: str
    points: float | None
    who: str
    why: str
    made: datetime


def adjusted(grade: Grade, adjustments: Sequence[Adjustment]) -> Grade:
    """A grade with the newest adjustment of each exercise (the last in the sequence)."""
    newest = {one.exercise: one for one in adjustments}
    if not newest:
        return grade
    exercises = tuple(
        _adjusted_exercise(exercise, newest[exercise.name]) if exercise.name in newest else exercise
        for exercise in grade.exercises
    )
    return replace(grade, exercises=exercises)


def with_replacement(grade: Grade, submission: str) -> Grade:
    """A grade with the note that another submission counts instead; unchanged for ""."""
    if not submission:
        return grade
    note = f"{REPLACED_NOTE}{submission}"
    notes = grade.notes if note in grade.notes else (*grade.notes, note)
    return replace(grade, notes=notes, replaced_by=submission)


def _adjusted_exercise(exercise: ExerciseGrade, adjustment: Adjustment) -> ExerciseGrade:
    """The exercise with one entry more, which brings its score to the points that were set."""
    if adjustment.points is None:
        return exercise
    wanted = min(adjustment.points, exercise.possible)
    difference = wanted - exercise.score
    entry = CheckResult(
        name=MANUAL_ADJUSTMENT,
        title="Points set by hand",
        hidden=False,
        points=0.0,
        outcome=Outcome.PASSED,
        message=f"{adjustment.why} ({adjustment.who}, {adjustment.made:%Y-%m-%d})",
        by_hand=difference,
    )
    result = replace(exercise, checks=(*exercise.checks, entry))
    while result.score > exercise.possible:  # by a rounding of the last digit
        entry = replace(entry, by_hand=math.nextafter(entry.by_hand, -math.inf))
        result = replace(exercise, checks=(*exercise.checks, entry))
    return result
