"""What people decide after grading: points by hand, and which of a student's files counts."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from difflib import get_close_matches

from autograder.gradebook.errors import GradebookError
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


def check_adjustment(grade: Grade, adjustment: Adjustment) -> None:
    """Make sure that an adjustment fits a grade; `GradebookError` with one sentence otherwise."""
    names = [exercise.name for exercise in grade.exercises]
    if adjustment.exercise not in names:
        raise GradebookError(
            f"there is no exercise {adjustment.exercise!r} in this assignment"
            f"{_meant(adjustment.exercise, names)}"
        )
    possible = grade.exercises[names.index(adjustment.exercise)].possible
    if adjustment.points is not None and not 0 <= adjustment.points <= possible:
        raise GradebookError(
            f"{adjustment.exercise} is worth {possible:g} points: give 0 to {possible:g}"
        )
    if not adjustment.why.strip() or not adjustment.who.strip():
        raise GradebookError("say who sets the points, and why: both stay in the gradebook")


def grade_that_counts(grades: Sequence[Grade], student: str) -> Grade:
    """The grade that counts for a student; `GradebookError` where there is none or several."""
    counting = [grade for grade in grades if not grade.replaced_by]
    found = [grade for grade in counting if student in (grade.student, grade.submission)]
    if not found:
        names = [grade.student for grade in counting]
        meant = _meant(student, names) or ". --roster FILE says who handed in nothing"
        raise GradebookError(f"nobody called {student!r} has a grade that counts{meant}")
    if len(found) > 1:
        names = sorted(grade.submission for grade in found)
        raise GradebookError(
            f"{student!r} has {len(found)} submissions that count: name one of {', '.join(names)}"
        )
    return found[0]


def _meant(name: str, known: Sequence[str]) -> str:
    close = get_close_matches(name, known, 1)
    return f". Did you mean {close[0]!r}?" if close else ""


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
    exercise = replace(exercise, checks=exercise.judged)
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
