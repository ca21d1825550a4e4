"""Which submissions a person should look at first, and why."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from autograder.records import (
    NOBODYS,
    OTHER_ASSIGNMENT,
    WHICH_FILE,
    ClassGrades,
    Grade,
    Outcome,
    Status,
)
from autograder.report.class_page.entries import Entry, entries
from autograder.report.items import ExerciseItems, Flag, item_statistics
from autograder.report.numbers import count, points

_BROKE_DOWN = 6  # the rank of what only looks odd
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_BREAKDOWNS = (Outcome.DIED, Outcome.MEMORY)


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """A submission to look at; `rank` 0 comes first."""

    entry: Entry
    rank: int
    says: str
    why: str


def to_review(all_entries: Iterable[Entry]) -> tuple[Review, ...]:
    """What the grader could not decide, zeros that may be mistakes, and what broke down."""
    rows = [entry for entry in all_entries if entry.state != "absent"]
    others = _better_files([entry.grade for entry in rows])
    twins = _twins([entry.grade for entry in rows])
    found = (
        _review(entry, others.get(entry.grade.submission), twins.get(entry.grade.submission, []))
        for entry in rows
        if entry.grade.counts
    )
    return tuple(sorted((one for one in found if one), key=lambda review: review.rank))


def needs_a_person(class_grades: ClassGrades) -> bool:
    """Whether a person should look before these grades are handed out."""
    urgent = (review.rank != _BROKE_DOWN for review in to_review(entries(class_grades)))
    return any(urgent) or bool(passed_by_nobody(item_statistics(class_grades)))


def passed_by_nobody(items: Iterable[ExerciseItems]) -> list[str]:
    """The checks, or whole exercises, that nobody of many passes, in words."""
    found = []
    for exercise in items:
        if exercise.whole.flag is Flag.NOBODY:
            found.append(f"{exercise.whole.name} (no points for any of {exercise.whole.n})")
            continue
        found += [
            f"{exercise.whole.name}: {check.title} (none of {check.n})"
            for check in exercise.checks
            if check.flag is Flag.NOBODY
        ]
    return found


def _review(entry: Entry, better: Grade | None, twins: list[Grade]) -> Review | None:
    grade = entry.grade
    if grade.status is Status.NEEDS_REVIEW:
        asked = [note for note in grade.notes if note.startswith(WHICH_FILE)]
        why = "; ".join(filter(None, (_troubles(entry, (Outcome.GRADER_ERROR,)), *asked)))
        return Review(entry=entry, rank=0, says="needs review", why=why)
    if grade.status is Status.UNREADABLE:
        return Review(entry=entry, rank=1, says="unreadable", why="; ".join(grade.notes))
    if any(note.startswith(NOBODYS) for note in grade.notes):
        return Review(entry=entry, rank=2, says="not in roster", why=NOBODYS)
    if grade.set_by_hand:
        return None
    if better is not None:
        why = f"0 points count, and {better.submission} of the same student has "
        return Review(entry=entry, rank=3, says="zero", why=why + points(better.score))
    if _defines_nothing(grade):
        said = [note for note in grade.notes if note.startswith(OTHER_ASSIGNMENT)]
        why = "; ".join(("it defines none of the functions that are asked for", *said))
        return Review(entry=entry, rank=4, says="zero", why=why)
    if twins:
        names = ", ".join(twin.submission for twin in twins[:3]) + ", …" * (len(twins) > 3)
        why = f"byte for byte the same as {names}"
        return Review(entry=entry, rank=5, says="same file", why=why)
    why = _troubles(entry, _BREAKDOWNS)
    return Review(entry=entry, rank=_BROKE_DOWN, says="broke down", why=why) if why else None


def _better_files(grades: list[Grade]) -> dict[str, Grade]:
    """By the name of a file that counts with no points: the same student's best other file."""
    zeros = {one.submission for one in grades if one.counts and one.readable and one.score <= 0}
    found: dict[str, Grade] = {}
    for one in grades:
        if one.replaced_by in zeros and one.score > 0:
            known = found.get(one.replaced_by, one)
            found[one.replaced_by] = max(known, one, key=lambda grade: grade.score)
    return found


def _twins(grades: list[Grade]) -> dict[str, list[Grade]]:
    """By a file's name: the files of other students that count and are the same in every byte."""
    by_digest: dict[str, list[Grade]] = {}
    for one in grades:
        if one.counts and one.readable and _DIGEST.fullmatch(one.digest):
            by_digest.setdefault(one.digest, []).append(one)
    return {
        one.submission: rest
        for same in by_digest.values()
        for one in same
        if (rest := [two for two in same if _are_two(one, two)])
    }


def _are_two(one: Grade, other: Grade) -> bool:
    """Whether two grades are of different students' files: a team's file may have several."""
    return one.student != other.student and one.submission != other.submission


def _defines_nothing(grade: Grade) -> bool:
    outcomes = {check.outcome for exercise in grade.exercises for check in exercise.judged}
    return Outcome.MISSING in outcomes and outcomes <= {Outcome.MISSING, Outcome.SKIPPED}


def _troubles(entry: Entry, outcomes: tuple[Outcome, ...]) -> str:
    """The first trouble of this kind, and how many checks there are besides; "" of none."""
    found = [
        f"{exercise.name}: {check.message}"
        for exercise in entry.grade.exercises
        for check in exercise.checks
        if check.outcome in outcomes
    ]
    if len(found) < 2:
        return "".join(found)
    return f"{found[0]} (and {count(len(found) - 1, 'more check')})"
