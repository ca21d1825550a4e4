"""Which submissions a person should look at first, and why."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from autograder.records import Outcome, Status
from autograder.report.entries import Entry
from autograder.report.numbers import count

_BREAKDOWNS = (Outcome.DIED, Outcome.MEMORY)


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """A submission to look at; `rank` 0 comes first."""

    entry: Entry
    rank: int
    says: str
    why: str


def to_review(all_entries: Iterable[Entry]) -> tuple[Review, ...]:
    """The grader's own failures, then what could not be read, then processes that broke down."""
    found = (_review(entry) for entry in all_entries if entry.state not in ("absent", "replaced"))
    return tuple(sorted((one for one in found if one), key=lambda review: review.rank))


def _review(entry: Entry) -> Review | None:
    if entry.grade.status is Status.NEEDS_REVIEW:
        why = _troubles(entry, (Outcome.GRADER_ERROR,))
        return Review(entry=entry, rank=0, says="needs review", why=why)
    if entry.grade.status is Status.UNREADABLE:
        return Review(entry=entry, rank=1, says="unreadable", why="; ".join(entry.grade.notes))
    why = _troubles(entry, _BREAKDOWNS)
    return Review(entry=entry, rank=2, says="broke down", why=why) if why else None


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
