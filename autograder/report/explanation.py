"""Why a student lost a point: what each failed check saw, the student's code, and the class.

All of it is for instructors: it holds inputs and right values of hidden checks, and no page for
students is made from it.
"""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from typing import TypeVar

from autograder.records import (
    CheckResult,
    ClassGrades,
    ExerciseGrade,
    Grade,
    Outcome,
    Run,
)
from autograder.text import clean_name, plain

_Named = TypeVar("_Named", ExerciseGrade, CheckResult)


class CannotExplain(Exception):  # noqa: N818
    """There is nothing to explain, in one sentence."""


@dataclass(frozen=True, slots=True)
class Again:
    """How a check ended once more, what was printed meanwhile, and the newest exception's trace."""

    result: CheckResult
    printed: str
    traceback: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ExplainedCheck:
    """One check of one student: `passed` of the `judged` submissions of the class passed it.

    `again` is how it ended when it was run once more, where that was asked for.
    """

    check: CheckResult
    passed: int
    judged: int
    again: Again | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExplainedExercise:
    """The checks of one exercise that did not pass, and the student's code of its function."""

    exercise: ExerciseGrade
    checks: tuple[ExplainedCheck, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """What one student lost, exercise by exercise; empty where every check passed."""

    grade: Grade
    run: Run
    exercises: tuple[ExplainedExercise, ...]


def explain(
    class_grades: ClassGrades, student: str, exercise: str = "", check: str = ""
) -> Explanation:
    """Explain the grade that counts for a student, or of one exercise or check alone.

    A student is meant by name, file, address or number, or by a part of the name that nobody else
    has; a check also by its title. A check that is named is explained also where it passed. Raises
    `CannotExplain`.
    """
    grade = _whose(class_grades, student)
    exercises = list(grade.exercises)
    if exercise:
        exercises = [_one_of(exercises, exercise, "exercise", [e.name for e in exercises])]
    explained = []
    for one in exercises:
        checks = [result for result in one.judged if result.outcome is not Outcome.PASSED]
        if check:
            judged = list(one.judged)
            names = [result.name for result in judged]
            known = next((c for c in judged if plain(c.title) == plain(check)), None)
            checks = [known or _one_of(judged, check, "check", names)]
        if checks or exercise:
            told = tuple(_in_class(class_grades, one.name, result) for result in checks)
            explained.append(ExplainedExercise(exercise=one, checks=told))
    return Explanation(grade=grade, run=class_grades.run, exercises=tuple(explained))


def _whose(class_grades: ClassGrades, asked: str) -> Grade:
    counts = class_grades.counting
    name, bare = clean_name(asked), plain(asked)
    exact = [one for one in counts if name in (one.student, one.submission)]
    known = [
        one
        for one in counts
        if name in (one.number, *one.identity)
        or name.casefold() in one.email.casefold().split(", ")
    ]
    same = [one for one in counts if bare and bare == plain(one.student)]
    part = [one for one in counts if bare and bare in plain(one.student)]
    found = next((some for some in (exact, known, same, part) if some), [])
    if len(found) == 1:
        return found[0]
    if found:
        names = ", ".join(sorted({one.submission or one.student for one in found})[:5])
        raise CannotExplain(f"{asked!r} fits {len(found)} grades: name one of {names}")
    close = get_close_matches(name, [one.student for one in counts], 1)
    meant = f". Did you mean {close[0]!r}?" if close else ""
    raise CannotExplain(f"nobody called {asked!r} has a grade that counts{meant}")


def _one_of(known: list[_Named], asked: str, kind: str, names: list[str]) -> _Named:
    if asked in names:
        return known[names.index(asked)]
    close = get_close_matches(asked, names, 1)
    meant = f"Did you mean {close[0]!r}?" if close else f"There are {', '.join(names)}"
    raise CannotExplain(f"there is no {kind} {asked!r}. {meant}")


def _in_class(class_grades: ClassGrades, exercise: str, check: CheckResult) -> ExplainedCheck:
    results = [
        result
        for grade in class_grades.counting
        if grade.readable
        for one in grade.exercises
        if one.name == exercise
        for result in one.judged
        if result.name == check.name and result.outcome is not Outcome.GRADER_ERROR
    ]
    passed = sum(result.outcome is Outcome.PASSED for result in results)
    return ExplainedCheck(check=check, passed=passed, judged=len(results))
