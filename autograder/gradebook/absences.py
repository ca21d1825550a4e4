"""Points that people give to students who handed in nothing, for an oral exam for instance.

Such a student has no attempt to which a decision could belong: it is kept by their name, and by
what the course's roster knows of them. When they hand in a file after all, that file counts.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from sqlalchemy import Connection, select

from autograder.gradebook import rows
from autograder.gradebook.decisions import Adjustment, adjusted
from autograder.gradebook.schema import absences
from autograder.records import Grade, absent
from autograder.text import clean_line, clean_name, plain

_LATER = "points set by hand for {} were given before this file was handed in"


@dataclass(frozen=True, slots=True)
class Absence:
    """A student without a submission, with what people decided, the oldest first."""

    student: str
    identity: tuple[str, ...]
    decisions: tuple[Adjustment, ...]

    def grade(self, classmates: Iterable[Grade]) -> Grade:
        """The student's grade, in the exercises that classmates have."""
        return adjusted(absent(self.student, classmates, self.identity), self.decisions)

    def is_of(self, grade: Grade) -> bool:
        """Whether a grade is this student's."""
        own = {*self.identity, f"called {plain(self.student)}"}
        return not own.isdisjoint(frozenset().union(*grade.known_by))


def read(connection: Connection, assignment: str) -> list[Absence]:
    """All students of an assignment whose points were decided without a submission."""
    found = connection.execute(
        select(absences).where(absences.c.assignment == assignment).order_by(absences.c.id)
    ).mappings()
    by_student: dict[str, Absence] = {}
    for row in found:
        name = row["student"]
        known = by_student.get(name, Absence(name, (), ()))
        decisions = (*known.decisions, rows.adjustment_in(row))
        by_student[name] = Absence(name, tuple(row["identity"]), decisions)
    return list(by_student.values())


def insert(connection: Connection, assignment: str, grade: Grade, decision: Adjustment) -> None:
    """Add what a person decided about an exercise of a student without a submission."""
    student = {
        "assignment": assignment,
        "student": clean_name(grade.student),
        "identity": [clean_line(key) for key in grade.identity],
    }
    connection.execute(absences.insert().values({**rows.of_adjustment(decision), **student}))


def noted(grade: Grade, known: Sequence[Absence]) -> Grade:
    """A grade with a note where points of an absence do not count any more."""
    own = (decision.exercise for one in known if one.is_of(grade) for decision in one.decisions)
    notes = tuple(_LATER.format(exercise) for exercise in dict.fromkeys(own))
    return replace(grade, notes=(*grade.notes, *notes)) if notes else grade


def still_absent(known: Sequence[Absence], handed_in: Sequence[Grade]) -> tuple[Grade, ...]:
    """The grades of those who have points and no submission among all that were handed in."""
    away = (one for one in known if not any(one.is_of(grade) for grade in handed_in))
    return tuple(grade for one in away if (grade := one.grade(handed_in)).set_by_hand)
