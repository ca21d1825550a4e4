"""Bringing a roster and a class's grades together: who got what, and who handed in nothing."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace

from autograder.records import ClassGrades, Grade, absent
from autograder.report.files import ReportError
from autograder.report.roster import Person, Roster
from autograder.wire.text import clean_name, plain


@dataclass(frozen=True, slots=True)
class Attendance:
    """Each person of a roster with the grade that counts (`None`: handed in nothing).

    `strangers` are grades of nobody in the roster.
    """

    people: tuple[tuple[Person, Grade | None], ...]
    strangers: tuple[Grade, ...]


def attendance(roster: Roster, class_grades: ClassGrades) -> Attendance:
    """Find each student's grade by what a platform knows of them, else by their name.

    What fits several people of the roster decides nothing. Of several grades the best counts.
    """
    times = Counter(key for person in roster.people for key in person.keys)
    owner = {
        key: place
        for place, person in enumerate(roster.people)
        for key in person.keys
        if times[key] == 1
    }
    found: dict[int, Grade] = {}
    strangers = []
    for grade in class_grades.counting:
        places = _places(grade, owner)
        if not places:
            strangers.append(grade)
        for place in places:
            known = found.get(place, grade)
            found[place] = max(known, grade, key=lambda one: one.score)
    people = tuple((person, found.get(place)) for place, person in enumerate(roster.people))
    return Attendance(people, tuple(strangers))


def with_missing(class_grades: ClassGrades, present: Attendance) -> ClassGrades:
    """The class with a grade of no points for everybody in the roster who handed in nothing."""
    missing = [
        absent(person.name, class_grades.grades, person.keys)
        for person, grade in present.people
        if grade is None
    ]
    return replace(class_grades, grades=(*class_grades.grades, *missing))


def whose(roster: Roster, class_grades: ClassGrades, name: str) -> Grade | None:
    """The grade of the student whom a name, login or address of the roster means.

    That of who handed in nothing is one without a submission; `None` where the roster has nobody
    of this name. Raises `ReportError` for a name that fits several.
    """
    name = clean_name(name)
    keys = {f"called {plain(name)}", f"email {name.casefold()}", f"id {name}"}
    meant = [
        grade or absent(person.name, class_grades.grades, person.keys)
        for person, grade in attendance(roster, class_grades).people
        if keys & person.keys
    ]
    if len(meant) > 1:
        raise ReportError(
            f"{name!r} fits {len(meant)} people of the roster: give a login or address"
        )
    return meant[0] if meant else None


def _places(grade: Grade, owner: dict[str, int]) -> set[int]:
    for keys in grade.known_by:
        if places := {owner[key] for key in keys if key in owner}:
            return places
    return set()
