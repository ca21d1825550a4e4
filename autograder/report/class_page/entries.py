"""The rows of the class report: each submission with its place on the page and its sums."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from autograder.records import ClassGrades, ExerciseGrade, Grade
from autograder.report.naming import safe_name
from autograder.report.overview import by_student, seconds
from autograder.report.pictures import Picture, picture


@dataclass(frozen=True, slots=True, kw_only=True)
class Points:
    """What an exercise earned; `file` is its picture's path below the report's folder, or empty."""

    exercise: ExerciseGrade
    score: float
    possible: float
    picture: Picture | None
    file: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One submission: `anchor` is its place on the page, `points` what each exercise earned."""

    anchor: str
    grade: Grade
    score: float
    possible: float
    seconds: float
    points: Mapping[str, Points]

    @property
    def state(self) -> str:
        """How the submission stands, in words."""
        if not self.grade.counts:
            return "replaced"
        return self.grade.status.value.replace("_", " ")


def entries(class_grades: ClassGrades) -> tuple[Entry, ...]:
    """All submissions, sorted by student, with the anchors `s1`, `s2`, …."""
    return tuple(_entry(f"s{place}", one) for place, one in enumerate(by_student(class_grades), 1))


def _entry(anchor: str, grade: Grade) -> Entry:
    name = f"{anchor}-{safe_name(grade.student)}.png"
    return Entry(
        anchor=anchor,
        grade=grade,
        score=grade.score,
        possible=grade.possible,
        seconds=seconds(grade),
        points={exercise.name: _points(exercise, name) for exercise in grade.exercises},
    )


def _points(exercise: ExerciseGrade, name: str) -> Points:
    drawn = picture(exercise.picture)
    return Points(
        exercise=exercise,
        score=exercise.score,
        possible=exercise.possible,
        picture=drawn,
        file=f"pictures/{safe_name(exercise.name)}/{name}" if drawn else "",
    )
