"""What people do while they go through answers: each click is a row, and the newest counts.

What is said of an answer holds for the file that was looked at: it is found by the submission and
its contents, also when that is graded again.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Select, Table, select

from autograder.gradebook.schema import (
    attempts,
    comments,
    looks,
    rubric_items,
    rubric_marks,
    runs,
)
from autograder.records import ExerciseGrade, Grade
from autograder.text import clean_line, clean_text

Place = tuple[str, str, str]  # a submission, its digest, and an exercise


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """An item of a rubric that was chosen for an answer, with the points it stood for then."""

    item: str
    points: float
    who: str


@dataclass(slots=True, kw_only=True)
class Said:
    """What people said of one answer. `version` grows with every row that decides something."""

    comment: str = ""
    comment_by: str = ""
    looked: bool = False
    looked_by: str = ""
    marks: dict[str, Mark] = field(default_factory=dict)
    version: int = 0


def read(connection: Connection, names: Iterable[str]) -> dict[Place, Said]:
    """What was said of the answers of these assignments, by place."""
    found: dict[Place, Said] = {}
    for row in connection.execute(_newest_last(comments, names)).mappings():
        said = _at(found, row)
        said.comment, said.comment_by = row["text"], row["who"]
    for row in connection.execute(_newest_last(looks, names)).mappings():
        said = _at(found, row, news=0)
        said.looked, said.looked_by = bool(row["looked"]), row["who"]
    for row in connection.execute(_newest_last(rubric_marks, names)).mappings():
        marks = _at(found, row).marks
        marks.pop(row["item"], None)
        if row["chosen"]:
            marks[row["item"]] = Mark(item=row["item"], points=row["points"], who=row["who"])
    return found


def rubric(connection: Connection, assignment: str) -> dict[str, dict[str, float]]:
    """The rubric: the points of each item, by exercise."""
    found: dict[str, dict[str, float]] = {}
    rows = select(rubric_items).where(rubric_items.c.assignment == assignment)
    for row in connection.execute(rows.order_by(rubric_items.c.id)).mappings():
        items = found.setdefault(row["exercise"], {})
        if row["points"] is None:
            items.pop(row["item"], None)
        else:
            items[row["item"]] = row["points"]
    return found


def reviewed(grade: Grade, said: Mapping[Place, Said]) -> Grade:
    """A grade with the comments on it."""
    exercises = tuple(
        _reviewed(one, said.get((grade.submission, grade.digest, one.name)))
        for one in grade.exercises
    )
    return grade if exercises == grade.exercises else replace(grade, exercises=exercises)


def total_of(exercise: ExerciseGrade, marks: Iterable[Mark]) -> float:
    """The points that the chosen items make of the checks' sum: never below 0, nor above what is
    possible.
    """
    judged = math.fsum(check.score for check in exercise.judged)
    wanted = judged + math.fsum(mark.points for mark in marks)
    return round(min(max(wanted, 0.0), exercise.possible), 9)


def add_comment(connection: Connection, attempt: int, exercise: str, text: str, who: str) -> None:
    """Add what a person wrote to the student; "" takes it back."""
    _add(connection, comments, attempt, exercise, who, text=clean_text(text))


def add_look(
    connection: Connection, attempt: int, exercise: str, who: str, *, looked: bool
) -> None:
    """Add that a person has looked at an answer, or takes that back."""
    _add(connection, looks, attempt, exercise, who, looked=looked)


def add_mark(
    connection: Connection, attempt: int, exercise: str, mark: Mark, *, chosen: bool
) -> None:
    """Add that an item of the rubric was chosen for an answer, or is no longer."""
    values = {"item": clean_line(mark.item), "points": mark.points, "chosen": chosen}
    _add(connection, rubric_marks, attempt, exercise, mark.who, **values)


def add_item(
    connection: Connection,
    assignment: str,
    exercise: str,
    item: str,
    points: float | None,
    who: str,
) -> None:
    """Add an item to an exercise's rubric; without points it is withdrawn."""
    row = {"assignment": assignment, "exercise": exercise, "item": clean_line(item)}
    connection.execute(rubric_items.insert().values({**row, "points": points, **_made(who)}))


def _reviewed(exercise: ExerciseGrade, said: Said | None) -> ExerciseGrade:
    comment = said.comment if said is not None else ""
    return exercise if comment == exercise.comment else replace(exercise, comment=comment)


def _newest_last(rows: Table, names: Iterable[str]) -> Select[Any]:
    return (
        select(rows, attempts.c.submission, attempts.c.digest)
        .join(attempts, attempts.c.id == rows.c.attempt_id)
        .join(runs, runs.c.id == attempts.c.run_id)
        .where(runs.c.assignment.in_(list(names)))
        .order_by(rows.c.id)
    )


def _at(found: dict[Place, Said], row: Mapping[Any, Any], *, news: int = 1) -> Said:
    said = found.setdefault((row["submission"], row["digest"], row["exercise"]), Said())
    said.version += news
    return said


def _made(who: str) -> dict[str, object]:
    return {"who": clean_line(who), "made": datetime.now(UTC)}


def _add(
    connection: Connection, rows: Table, attempt: int, exercise: str, who: str, **values: object
) -> None:
    row = {"attempt_id": attempt, "exercise": clean_line(exercise), **values, **_made(who)}
    connection.execute(rows.insert().values(row))
