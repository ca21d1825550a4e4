"""Item statistics of classical test theory: how hard each exercise and check is, and what it tells.

Difficulty is the mean share of an item's points; of a check that is the share who passed it.
Discrimination is the corrected item-total correlation: between the item's score and the score of
the rest of the assignment, the item itself removed. For a check, which is passed or not, this is
the point-biserial correlation (F. M. Lord and M. R. Novick, Statistical Theories of Mental Test
Scores, 1968, chapter 15; the thresholds follow R. L. Ebel's table of 1965).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from autograder.records import CheckResult, ClassGrades, ExerciseGrade, Outcome

GOOD = 0.3  # from here on an item tells strong and weak submissions apart
FEWEST = 20  # submissions below which a correlation says nothing
ENOUGH_FOR_NOBODY = 10  # submissions of which at least one should earn something
FEWEST_EACH_WAY = 5  # who passed, or did not, below which single submissions make the correlation


class Flag(StrEnum):
    """What an item's discrimination means, in plain words."""

    GOOD = "good"
    WEAK = "weak"
    NEGATIVE = "negative: look at it"
    FEW = "too few to say"
    NOBODY = "look at this check first"


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One exercise or check over the `n` submissions in which it was judged.

    `complete` is the number of those that earned all its points; `difficulty` is a share of 1,
    `None` of no submission; `discrimination` lies in -1..1 and is `None` where it is not defined,
    because all submissions score the same; `outcomes` counts its checks' outcomes in all
    submissions, those that could not be judged included.
    """

    name: str
    title: str
    hidden: bool
    points: float
    n: int
    complete: int
    difficulty: float | None
    discrimination: float | None
    flag: Flag
    outcomes: Counter[Outcome]


@dataclass(frozen=True, slots=True, kw_only=True)
class ExerciseItems:
    """An exercise as one item, and each of its checks as one."""

    whole: Item
    checks: tuple[Item, ...]


def item_statistics(class_grades: ClassGrades) -> tuple[ExerciseItems, ...]:
    """Analyse each exercise and check, in order, over the submissions that count and were read."""
    grades = [grade for grade in class_grades.counting if grade.readable]
    found: dict[str, list[tuple[float, ExerciseGrade]]] = {}
    for grade in grades:
        total = grade.score
        for exercise in grade.exercises:
            found.setdefault(exercise.name, []).append((total, exercise))
    return tuple(_exercise(name, pairs) for name, pairs in found.items())


def _exercise(name: str, pairs: Sequence[tuple[float, ExerciseGrade]]) -> ExerciseItems:
    found: dict[str, list[tuple[float, CheckResult]]] = {}
    for total, exercise in pairs:
        for check in exercise.judged:
            found.setdefault(check.name, []).append((total, check))
    checks = tuple(_check(name, results) for name, results in found.items())
    judged = [pair for pair in pairs if _is_judged(pair[1])]
    scores = np.array([exercise.score for _, exercise in judged])
    possible = max((exercise.possible for _, exercise in pairs), default=0.0)
    shares = scores / possible if possible else scores
    rest = np.array([total for total, _ in judged]) - scores
    correlation = _correlation(shares, rest)
    whole = Item(
        name=name,
        title=name,
        hidden=False,
        points=possible,
        n=len(judged),
        complete=sum(exercise.score >= exercise.possible > 0 for _, exercise in judged),
        difficulty=float(shares.mean()) if len(judged) else None,
        discrimination=correlation,
        flag=_flag(correlation, len(judged), earned=possible <= 0 or bool(scores.any())),
        outcomes=sum((item.outcomes for item in checks), Counter()),
    )
    return ExerciseItems(whole=whole, checks=checks)


def _check(name: str, results: Sequence[tuple[float, CheckResult]]) -> Item:
    judged = [pair for pair in results if pair[1].outcome is not Outcome.GRADER_ERROR]
    passed = np.array([check.outcome is Outcome.PASSED for _, check in judged], dtype=float)
    rest = np.array([total - check.score for total, check in judged])
    correlation = _correlation(passed, rest)
    newest = results[-1][1]
    rarer = int(min(passed.sum(), len(judged) - passed.sum()))
    return Item(
        name=name,
        title=newest.title,
        hidden=newest.hidden,
        points=newest.points,
        n=len(judged),
        complete=int(passed.sum()),
        difficulty=float(passed.mean()) if len(judged) else None,
        discrimination=correlation,
        flag=_flag(
            correlation if rarer >= FEWEST_EACH_WAY else None,
            len(judged),
            earned=newest.points <= 0 or bool(passed.any()),
        ),
        outcomes=Counter(check.outcome for _, check in results),
    )


def _is_judged(exercise: ExerciseGrade) -> bool:
    return all(check.outcome is not Outcome.GRADER_ERROR for check in exercise.judged)


def _correlation(item: NDArray[np.float64], rest: NDArray[np.float64]) -> float | None:
    """Pearson's correlation; `None` where one side does not vary (beyond rounding)."""
    if len(item) < 2 or np.ptp(item) < 1e-9 or np.ptp(rest) < 1e-9:
        return None
    return float(np.corrcoef(item, rest)[0, 1])


def _flag(correlation: float | None, n: int, *, earned: bool) -> Flag:
    """What to say of an item of which `n` were judged; `earned` is whether anybody could or did."""
    if n >= ENOUGH_FOR_NOBODY and not earned:
        return Flag.NOBODY
    if correlation is None or n < FEWEST:
        return Flag.FEW
    if correlation < 0:
        return Flag.NEGATIVE
    return Flag.GOOD if correlation >= GOOD else Flag.WEAK
