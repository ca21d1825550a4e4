"""What a class's grades say as a whole: how they spread, and which exercises are hard."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, median

from autograder.records import ClassGrades, ExerciseGrade, Grade, Outcome, Status
from autograder.report.table import exercise_names

BINS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class ExerciseOverview:
    """One exercise over all readable submissions.

    `share` is the mean share of its points that they earned (the item difficulty of test theory);
    `slips` are misconceptions with the number of submissions that show them, commonest first.
    """

    name: str
    possible: float
    share: float
    complete: int
    attempts: int
    slips: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """The class as a whole.

    `mean` and `median` are shares of the points that readable submissions could earn, `None` where
    there is no such submission; `bins` counts these submissions by tenths of their points.
    """

    by_status: dict[Status, int]
    mean: float | None
    median: float | None
    complete: int
    bins: tuple[int, ...]
    exercises: tuple[ExerciseOverview, ...]


def overview(class_grades: ClassGrades) -> Overview:
    """Sum up a class's grades."""
    readable = [grade for grade in class_grades.grades if grade.readable]
    shares = [grade.score / grade.possible for grade in readable if grade.possible > 0]
    statuses = Counter(grade.status for grade in class_grades.grades)
    return Overview(
        by_status={status: statuses[status] for status in Status},
        mean=fmean(shares) if shares else None,
        median=median(shares) if shares else None,
        complete=sum(grade.score >= grade.possible > 0 for grade in readable),
        bins=_bins(shares),
        exercises=tuple(_of_exercise(name, readable) for name in exercise_names(class_grades)),
    )


def by_student(class_grades: ClassGrades) -> list[Grade]:
    """The grades sorted by student, then submission, as people sort names."""
    return sorted(
        class_grades.grades,
        key=lambda grade: (grade.student.casefold(), grade.student, grade.submission),
    )


def outcomes_in_words(grade: Grade) -> str:
    """How the checks ended: `all 12 passed`, or `9 passed, 2 failed, 1 timeout`."""
    found = Counter(check.outcome for exercise in grade.exercises for check in exercise.judged)
    if list(found) == [Outcome.PASSED]:
        return f"all {found[Outcome.PASSED]} passed"
    counts = ((outcome, found[outcome]) for outcome in Outcome if found[outcome])
    return ", ".join(f"{number} {outcome.replace('_', ' ')}" for outcome, number in counts)


def _bins(shares: Sequence[float]) -> tuple[int, ...]:
    """How many shares lie in [0, 10 %), … [90, 100 %], the last with its end."""
    places = Counter(min(int(BINS * share), BINS - 1) for share in shares)
    return tuple(places[place] for place in range(BINS))


def _of_exercise(name: str, grades: Sequence[Grade]) -> ExerciseOverview:
    found = [exercise for grade in grades for exercise in grade.exercises if exercise.name == name]
    slips = Counter(slip for exercise in found for slip in _slips(exercise))
    earned = [exercise.score / exercise.possible for exercise in found if exercise.possible > 0]
    return ExerciseOverview(
        name=name,
        possible=max((exercise.possible for exercise in found), default=0.0),
        share=fmean(earned) if earned else 0.0,
        complete=sum(exercise.score >= exercise.possible > 0 for exercise in found),
        attempts=len(found),
        slips=tuple(slips.most_common(3)),
    )


def _slips(exercise: ExerciseGrade) -> set[str]:
    """The misconceptions in one submission's exercise, each once."""
    return {check.misconception for check in exercise.checks if check.misconception}
