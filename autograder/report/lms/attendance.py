"""Bringing a roster and a class's grades together: who got what, and who handed in nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace

from autograder.records import (
    NO_SUBMISSION,
    NOBODYS,
    WHICH_FILE,
    ClassGrades,
    Enrolment,
    Grade,
    absent,
)
from autograder.report.files import ReportError
from autograder.report.lms.roster import Person, Roster
from autograder.text import clean_name, plain

_TEAM = "moodle_group "


@dataclass(frozen=True, slots=True)
class Attendance:
    """Each person of a roster with the grade that counts (`None`: handed in nothing).

    `strangers` are grades of nobody in the roster. In the order of the class's grades, `owners` are
    those whose a grade is, and `better` names the file that counts for all of them instead (""
    where this one counts).
    """

    people: tuple[tuple[Person, Grade | None], ...]
    strangers: tuple[Grade, ...]
    owners: tuple[tuple[Person, ...], ...]
    better: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Meant:
    """The grade that counts for the person whom a name means: of a file that may be a team's."""

    grade: Grade
    is_of_a_team: bool


def attendance(roster: Roster, class_grades: ClassGrades) -> Attendance:
    """Find each student's grade by what a platform knows of them, else by their name.

    What fits several people of the roster decides nothing, but a group's name means all who are in
    it. A number of Moodle's counts only beside that participant's name: a team's is the group's. Of
    several grades the best counts, and a member's own before that of the team.
    """
    grades = class_grades.grades
    places = _all_places(roster, grades)
    widest: dict[str, int] = {}
    for grade, own in zip(grades, places, strict=True):
        widest[grade.submission] = max(widest.get(grade.submission, 0), len(own))

    def rank(number: int) -> tuple[bool, float]:
        grade = grades[number]
        is_members_own = bool(grade.submission) and len(places[number]) < widest[grade.submission]
        return is_members_own, grade.score

    found: dict[int, int] = {}  # the number of the grade that counts, by place
    for number, own in enumerate(places):
        for place in own if grades[number].counts else ():
            found[place] = max(found.get(place, number), number, key=rank)
    owners, better = [], []
    for number, (grade, own) in enumerate(zip(grades, places, strict=True)):
        served = {place for place in own if found.get(place) == number}
        owners.append(tuple(roster.people[place] for place in sorted(served or own)))
        is_beaten = grade.counts and own and not served
        better.append(grades[found[min(own)]].submission if is_beaten else "")
    return Attendance(
        people=tuple(
            (person, grades[found[place]] if place in found else None)
            for place, person in enumerate(roster.people)
        ),
        strangers=tuple(
            grade for grade, own in zip(grades, places, strict=True) if grade.counts and not own
        ),
        owners=tuple(owners),
        better=tuple(better),
    )


def enrolled(roster: Roster, class_grades: ClassGrades, present: Attendance) -> ClassGrades:
    """The class by the roster: its names, and a grade of no points for who handed in nothing.

    A grade that is nobody's says so. Where two files turn out to be one student's, the better one
    counts and says so.
    """
    times = Counter(person.name for person in roster.people)
    beaten: dict[str, list[str]] = {}
    for grade, name in zip(class_grades.grades, present.better, strict=True):
        if name:
            beaten.setdefault(name, []).append(grade.submission)
    named = (
        _of_people(grade, people, name, beaten.get(grade.submission, []), times)
        if people
        else _of_nobody(grade)
        for grade, people, name in zip(
            class_grades.grades, present.owners, present.better, strict=True
        )
    )
    unmatched = sum(bool(grade.submission) for grade in present.strangers)
    missing = (
        replace(
            absent(_name(person, times), class_grades.grades, person.keys),
            enrolment=person.enrolment,
            notes=(_missing(person, unmatched),),
        )
        for person, grade in present.people
        if grade is None
    )
    return replace(class_grades, grades=(*named, *missing))


def whose(roster: Roster, class_grades: ClassGrades, name: str) -> Meant | None:
    """The student whom a name, login or address of the roster means, with their grade.

    That of who handed in nothing is one without a submission; `None` where the roster has nobody
    of this name. Raises `ReportError` for a name that fits several.
    """
    name = clean_name(name)
    keys = {f"called {plain(name)}", f"email {name.casefold()}", f"id {name}"}
    present = attendance(roster, class_grades)
    places = _all_places(roster, class_grades.grades)
    of_teams = {
        grade.submission
        for grade, own in zip(class_grades.grades, places, strict=True)
        if len(own) > 1
    }
    meant = [
        _meant(person, grade, class_grades, of_teams)
        for person, grade in present.people
        if keys & person.keys
    ]
    if len(meant) > 1:
        raise ReportError(
            f"{name!r} fits {len(meant)} people of the roster: give a login or address"
        )
    return meant[0] if meant else None


def _meant(
    person: Person, grade: Grade | None, class_grades: ClassGrades, of_teams: Collection[str]
) -> Meant:
    if grade is None:
        away = absent(person.name, class_grades.grades, person.keys)
        return Meant(replace(away, enrolment=person.enrolment), is_of_a_team=False)
    if grade.submission not in of_teams:
        return Meant(grade, is_of_a_team=False)
    own = replace(grade, student=person.name, identity=tuple(sorted(person.keys)))
    return Meant(own, is_of_a_team=True)


def _all_places(roster: Roster, grades: Iterable[Grade]) -> list[frozenset[int]]:
    """For each grade the places in the roster of those whose it is."""
    times = Counter(key for person in roster.people for key in person.keys)
    owner = {
        key: place
        for place, person in enumerate(roster.people)
        for key in person.keys
        if times[key] == 1
    }
    return [frozenset(_places(grade, owner, roster.people)) for grade in grades]


def _places(grade: Grade, owner: dict[str, int], people: Sequence[Person]) -> set[int]:
    for keys in grade.known_by:
        places = {
            owner[key]
            for key in keys
            if key in owner
            and (not key.startswith("moodle ") or _is_called(people[owner[key]], grade, key))
        }
        if places:
            return places
    if any(key.startswith(_TEAM) for key in grade.identity):
        return {place for place, one in enumerate(people) if plain(grade.student) in one.groups}
    return set()


def _is_called(person: Person, grade: Grade, key: str) -> bool:
    """Whether a name from Moodle is that of the participant with this number."""
    if any(said.startswith("called ") for said in grade.identity):  # by a roster's own word
        return True
    number = key.removeprefix("moodle ")
    name = grade.student.removesuffix(f" ({key})").removesuffix(f"_{number}")
    if plain(name) + number == plain(person.name):  # graded without names
        return True
    parts = name.split("-")
    return any(person.is_called("-".join(parts[start:])) for start in range(len(parts)))


def _of_people(
    grade: Grade,
    people: Sequence[Person],
    better: str,
    beaten: Sequence[str],
    times: Counter[str],
) -> Grade:
    said = [person.enrolment for person in people]
    times_known = [person.submitted for person in people if person.submitted is not None]
    notes = list(grade.notes)
    if better:
        notes.append(f"does not count: {better} is the same student's")
    elif beaten and grade.counts:
        others = ", ".join(beaten)
        notes.append(f"{WHICH_FILE}the roster has one student for this file and {others}")
    return replace(
        grade,
        student=", ".join(_name(person, times) for person in people),
        notes=tuple(notes),
        replaced_by=better or grade.replaced_by,
        enrolment=Enrolment(
            email=_listed(one.email for one in said),
            number=_listed(one.number for one in said),
            section=_listed(dict.fromkeys(one.section for one in said)),
            groups=tuple(dict.fromkeys(group for one in said for group in one.groups)),
        ),
        submitted=grade.submitted or min(times_known, default=None),
    )


def _name(person: Person, times: Counter[str]) -> str:
    """What the roster calls a person, with what tells namesakes apart."""
    more = person.email or person.number
    return f"{person.name} ({more})" if times[person.name] > 1 and more else person.name


def _listed(values: Iterable[str]) -> str:
    return ", ".join(filter(None, values))


def _of_nobody(grade: Grade) -> Grade:
    note = f"{NOBODYS}: the student goes by the file's name"
    return grade if not grade.submission else replace(grade, notes=(*grade.notes, note))


def _missing(person: Person, unmatched: int) -> str:
    """Why a person has no grade: they may have handed in one of the files that fit nobody."""
    if person.has_handed_in:
        return f"{NO_SUBMISSION} could be matched, but Moodle's worksheet says that there is one"
    if unmatched:
        files = "1 file fits" if unmatched == 1 else f"{unmatched} files fit"
        return f"{NO_SUBMISSION} by this name, but {files} nobody in the roster"
    return NO_SUBMISSION
