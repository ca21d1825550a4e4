"""What a class's grades say as a whole: how scores and times spread, who needs a person."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, median

from autograder.records import ClassGrades, Grade, Outcome, Status

BINS = 10
SLOWEST = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """The class as a whole.

    `mean` and `median` are shares of the points that readable submissions could earn, `None` where
    there is no such submission; `bins` counts these submissions by tenths of their points. A
    student's older submissions are in `by_status` alone.
    """

    by_status: dict[Status, int]
    mean: float | None
    median: float | None
    complete: int
    bins: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Times:
    """Seconds that the checks of each readable submission took.

    `bins` counts submissions in steps of `step` seconds from `start`; `slowest` are the seconds and
    the grades of a few, slowest first.
    """

    median: float
    start: float
    step: float
    bins: tuple[int, ...]
    slowest: tuple[tuple[float, Grade], ...]


def overview(class_grades: ClassGrades) -> Overview:
    """Sum up a class's grades."""
    readable = [grade for grade in class_grades.counting if grade.readable]
    shares = [grade.score / grade.possible for grade in readable if grade.possible > 0]
    statuses = Counter(grade.status for grade in class_grades.grades)
    return Overview(
        by_status={status: statuses[status] for status in Status},
        mean=fmean(shares) if shares else None,
        median=median(shares) if shares else None,
        complete=sum(grade.score >= grade.possible > 0 for grade in readable),
        bins=_bins(shares),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """One section of the course: how many were graded there, and the shares that they earned."""

    name: str
    graded: int
    mean: float
    median: float
    complete: int


def sections(class_grades: ClassGrades) -> tuple[Section, ...]:
    """Each section that the roster names, in order; empty where there are not two of them."""
    found: dict[str, list[Grade]] = {}
    for grade in class_grades.counting:
        for name in filter(None, grade.section.split(", ")) if grade.readable else ():
            found.setdefault(name, []).append(grade)
    if len(found) < 2:
        return ()
    told = []
    for name, grades in sorted(found.items()):
        shares = [grade.score / grade.possible for grade in grades if grade.possible > 0] or [0.0]
        told.append(
            Section(
                name=name,
                graded=len(grades),
                mean=fmean(shares),
                median=median(shares),
                complete=sum(grade.score >= grade.possible > 0 for grade in grades),
            )
        )
    return tuple(told)


def times(class_grades: ClassGrades) -> Times | None:
    """How long submissions took; `None` where no time is known."""
    pairs = [(seconds(grade), grade) for grade in class_grades.grades if grade.readable]
    taken = [pair[0] for pair in pairs]
    longest = max(taken, default=0.0)
    if longest <= 0:
        return None
    step = _round_step((longest - min(taken)) / BINS or longest)
    first = int(min(taken) / step)
    places = Counter(int(one / step) - first for one in taken)
    return Times(
        median=median(taken),
        start=first * step,
        step=step,
        bins=tuple(places[place] for place in range(max(places) + 1)),
        slowest=tuple(sorted(pairs, key=lambda pair: -pair[0])[:SLOWEST]),
    )


def seconds(grade: Grade) -> float:
    """The seconds that a submission's checks took in all."""
    return math.fsum(check.seconds for exercise in grade.exercises for check in exercise.checks)


def by_student(class_grades: ClassGrades) -> list[Grade]:
    """The grades sorted by student, then submission, as people sort names."""
    return sorted(
        class_grades.grades,
        key=lambda grade: (grade.student.casefold(), grade.student, grade.submission),
    )


def outcomes_in_words(grade: Grade) -> str:
    """How the checks ended: `all 12 passed`, or `9 passed, 2 failed, 1 timeout`."""
    return counts_in_words(
        Counter(check.outcome for exercise in grade.exercises for check in exercise.judged)
    )


def counts_in_words(found: Counter[Outcome]) -> str:
    """Counted outcomes: `all 12 passed`, or `9 passed, 2 failed, 1 timeout`; "" of nothing."""
    if list(found) == [Outcome.PASSED]:
        return f"all {found[Outcome.PASSED]} passed"
    counts = ((outcome, found[outcome]) for outcome in Outcome if found[outcome])
    return ", ".join(f"{number} {outcome.replace('_', ' ')}" for outcome, number in counts)


def _bins(shares: Sequence[float]) -> tuple[int, ...]:
    """How many shares lie in [0, 10 %), … [90, 100 %], the last with its end."""
    places = Counter(min(int(BINS * share), BINS - 1) for share in shares)
    return tuple(places[place] for place in range(BINS))


def _round_step(least: float) -> float:
    """The smallest of 1, 2 and 5 times a power of ten that is at least `least`."""
    power = 10.0 ** math.floor(math.log10(least))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= least)
