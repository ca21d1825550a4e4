"""What is odd about a class as a whole, each with the place on the page that shows the cause."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from autograder.records import OTHER_ASSIGNMENT, Outcome, Status
from autograder.report.class_page.entries import Entry
from autograder.report.items import ExerciseItems, Flag, Item
from autograder.report.numbers import count
from autograder.report.review import Review

OFTEN = 0.1  # of a class: when more of a check's runs end so, the check or the machine may be why
FEWEST = 3  # submissions
_BREAKDOWNS = {
    Outcome.TIMEOUT: "ran out of time",
    Outcome.MEMORY: "ran out of memory",
    Outcome.DIED: "ended its process",
    Outcome.GRADER_ERROR: "could not be judged",
}


@dataclass(frozen=True, slots=True)
class Alarm:
    """One sentence, and the anchor of its cause."""

    says: str
    cause: str


def alarms(
    rows: Sequence[Entry], items: Sequence[ExerciseItems], review: Sequence[Review]
) -> tuple[Alarm, ...]:
    """The alarms of a class, the gravest first; those about checks lead to the check's row."""
    return (*_of_submissions(rows, review), *_of_checks(items))


def anchor_of(exercise: int, check: int) -> str:
    """The anchor of a check's row, by the places of both, which count from 1."""
    return f"c{exercise}-{check}"


def _of_submissions(rows: Sequence[Entry], review: Sequence[Review]) -> Iterator[Alarm]:
    says = Counter(one.says for one in review)
    if number := says["needs review"]:
        yield Alarm(f"{count(number, 'submission needs', 'submissions need')} a person", "review")
    if number := says["unreadable"]:
        yield Alarm(f"{count(number, 'submission')} could not be read", "review")
    if number := says["not in roster"]:
        yield Alarm(f"{count(number, 'file fits', 'files fit')} nobody in the roster", "review")
    if number := says["zero"]:
        yield Alarm(f"{count(number, 'zero')} that may be a mistake", "review")
    if says["same file"]:
        yield Alarm(f"{says['same file']} files are the same as another, byte for byte", "review")
    counting = [row.grade for row in rows if row.grade.counts and row.grade.submission]
    wrong = sum(any(n.startswith(OTHER_ASSIGNMENT) for n in grade.notes) for grade in counting)
    if wrong >= FEWEST:
        yield Alarm(f"{wrong} files name another assignment in their metadata", "students")
    unknown = sum(
        grade.standing is not None and grade.standing.submitted is None for grade in counting
    )
    if unknown:
        yield Alarm(f"of {count(unknown, 'file')} nobody says when it was handed in", "students")
    absent = sum(row.grade.status is Status.ABSENT for row in rows)
    if absent and absent >= OFTEN * max(len(rows), 1):
        yield Alarm(f"{absent} of {len(rows)} students handed in nothing", "students")


def _of_checks(items: Sequence[ExerciseItems]) -> Iterator[Alarm]:
    for place, exercise in enumerate(items, 1):
        name = exercise.whole.name
        if exercise.whole.flag is Flag.NOBODY:
            yield Alarm(f"{name}: nobody earns any of its points", anchor_of(place, 1))
            continue
        for number, check in enumerate(exercise.checks, 1):
            for sentence in _of_check(check):
                yield Alarm(f"{name}: “{check.title}” {sentence}", anchor_of(place, number))


def _of_check(check: Item) -> Iterator[str]:
    if check.flag is Flag.NOBODY:
        yield f"is passed by none of {check.n}"
    if check.flag is Flag.NEGATIVE:
        yield "is failed by those who are better elsewhere"
    total = check.outcomes.total()
    for outcome, words in _BREAKDOWNS.items():
        number = check.outcomes[outcome]
        if number >= max(FEWEST, OFTEN * total):
            yield f"{words} for {number} of {total}"
