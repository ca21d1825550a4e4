"""What changed in a course after it was graded: names, points, and checks that count for all.

A change is kept beside the grades, with who made it, when and why, and grades are read with it.
So nothing is graded again, and what was graded stays as it was.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from sqlalchemy import Connection, select

from autograder.gradebook.decisions import Adjustment
from autograder.gradebook.errors import GradebookError
from autograder.gradebook.schema import course_changes
from autograder.records import CheckResult, Grade
from autograder.text import clean_line, clean_text

Kind = Literal["name", "points", "void", "undo"]
Place = tuple[str, str]  # an exercise and a check of it, "" for the exercise itself


@dataclass(frozen=True, slots=True, kw_only=True)
class CourseChange:
    """A change of a check, or of the name of a whole exercise (`check` is "" then).

    `value` is the new name, or the new points (0 retires a check). A check that is void has its
    points for everybody. "undo" takes back what was said of a check's points.
    """

    exercise: str
    check: str = ""
    kind: Kind
    value: str = ""
    who: str
    why: str
    made: datetime

    @property
    def place(self) -> Place:
        """What it changes, by the names of when it was made."""
        return self.exercise, self.check


def read(connection: Connection, assignment: str) -> list[CourseChange]:
    """All changes of an assignment, oldest first."""
    found = connection.execute(
        select(course_changes)
        .where(course_changes.c.assignment == assignment)
        .order_by(course_changes.c.id)
    ).mappings()
    names = ("exercise", "check", "kind", "value", "who", "why", "made")
    return [CourseChange(**{name: row[name] for name in names}) for row in found]


def insert(connection: Connection, assignment: str, change: CourseChange) -> None:
    """Keep one change."""
    row = {
        "assignment": assignment,
        "exercise": clean_line(change.exercise),
        "check": clean_line(change.check),
        "kind": change.kind,
        "value": clean_line(change.value),
        "who": clean_line(change.who),
        "why": clean_text(change.why),
        "made": change.made,
    }
    connection.execute(course_changes.insert().values(row))


def must_fit(change: CourseChange, grades: Sequence[Grade]) -> None:
    """Raise `GradebookError`, in a sentence, unless a change is about a check that was graded."""
    exercises = {e.name: e for grade in grades for e in grade.exercises}
    if change.exercise not in exercises:
        raise GradebookError(
            f"there is no exercise {change.exercise!r} in this assignment: it has "
            f"{', '.join(exercises)}"
        )
    checks = [check.name for check in exercises[change.exercise].judged]
    if change.check not in checks:
        raise GradebookError(
            f"{change.exercise} has no check {change.check!r}: it has {', '.join(checks)}"
        )
    if change.kind == "points" and not 0 <= float(change.value) < math.inf:
        raise GradebookError("points of a check are 0 or more: 0 retires it")
    if not change.why.strip() or not change.who.strip():
        raise GradebookError("say who changes the check, and why: both stay in the gradebook")


def void_now(connection: Connection, assignment: str) -> set[Place]:
    """The checks that are void."""
    standing = _standing(read(connection, assignment))
    return {place for place, change in standing.items() if change.kind == "void"}


def applied(grade: Grade, recorded: datetime, changes: Sequence[CourseChange]) -> Grade:
    """A grade as it counts with these changes; names are those of after `recorded`."""
    if not changes:
        return grade
    standing = _standing(changes)
    exercises = []
    for exercise in grade.exercises:
        checks = []
        for check in exercise.checks:
            place = _now((exercise.name, check.name), recorded, changes)
            checks.append(_changed(replace(check, name=place[1]), standing.get(place)))
        name, _ = _now((exercise.name, ""), recorded, changes)
        exercises.append(replace(exercise, name=name, checks=tuple(checks)))
    return replace(grade, exercises=tuple(exercises))


def renamed(adjustment: Adjustment, changes: Sequence[CourseChange]) -> Adjustment:
    """What a person decided about an exercise, by the name that it has now."""
    name, _ = _now((adjustment.exercise, ""), adjustment.made, changes)
    return replace(adjustment, exercise=name)


def _standing(changes: Sequence[CourseChange]) -> dict[Place, CourseChange]:
    """The last word on the points of each check, by the names of now."""
    found: dict[Place, CourseChange] = {}
    for change in changes:
        if change.kind != "name":
            found[_now(change.place, change.made, changes)] = change
    return {place: change for place, change in found.items() if change.kind != "undo"}


def _now(place: Place, since: datetime, changes: Sequence[CourseChange]) -> Place:
    """Today's name of what had this name at a time."""
    exercise, check = place
    for change in changes:
        if change.kind != "name" or change.made < since or change.exercise != exercise:
            continue
        if not change.check:
            exercise = change.value
        elif change.check == check:
            check = change.value
    return exercise, check


def _changed(check: CheckResult, change: CourseChange | None) -> CheckResult:
    if change is None:
        return check
    if change.kind == "points":
        return replace(check, points=float(change.value))
    return replace(check, void=change.why)
