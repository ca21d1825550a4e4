"""What the gradebook is asked: attempts with all that belongs to them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from itertools import groupby
from typing import Any

from sqlalchemy import Connection, Select, func, select

from autograder.gradebook import course_changes, reviews, rows
from autograder.gradebook.decisions import Adjustment, adjusted, with_replacement
from autograder.gradebook.schema import (
    adjustments,
    attempts,
    check_results,
    codes,
    exercise_results,
    replacements,
    runs,
)
from autograder.gradebook.schema import pictures as drawings
from autograder.records import Grade, Run


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One attempt as it counts today: with what people decided about it since."""

    number: int
    run_id: int
    run: Run
    grade: Grade
    recorded: datetime


def newest(assignment: str) -> Select[tuple[int]]:
    """The numbers of the newest attempts of an assignment, one for each submission.

    The statement joins `attempts` and `runs`, so that callers can narrow it down.
    """
    latest = (
        select(func.max(attempts.c.id).label("id"))
        .join(runs)
        .where(runs.c.assignment == assignment)
        .group_by(attempts.c.submission)
        .subquery()
    )
    return select(attempts.c.id).join(latest, latest.c.id == attempts.c.id).join(runs)


def second_newest(assignment: str) -> Select[tuple[int]]:
    """The numbers of the attempts before the newest, one for each submission that has several."""
    ranked = (
        select(
            attempts.c.id,
            func.row_number()
            .over(partition_by=attempts.c.submission, order_by=attempts.c.id.desc())
            .label("place"),
        )
        .join(runs)
        .where(runs.c.assignment == assignment)
        .subquery()
    )
    return select(ranked.c.id).where(ranked.c.place == 2)


def read(
    connection: Connection,
    wanted: Select[tuple[int]],
    *,
    pictures: bool,
    as_recorded: bool = False,
) -> list[Attempt]:
    """Read the attempts of these numbers, in the order of their submissions' names.

    As they count today, or with `as_recorded` without the points that changed in the course since
    each was graded. `pictures`: with what students' functions drew, which is most of a gradebook's
    bytes, and with their code.

    Raises `KeyError`, `TypeError` or `ValueError` for a row that this version cannot read.
    """
    found = connection.execute(_joined(wanted)).mappings().all()
    drawn = _pictures(connection, wanted) if pictures else {}
    written = _codes(connection, wanted) if pictures else {}
    names = {row["run_assignment"] for row in found}
    decided = decisions(connection, names)
    said = reviews.read(connection, names)
    replaced = _replacements(connection, wanted)
    changes = {name: course_changes.read(connection, name) for name in names}
    built = []
    for number, group in groupby(found, key=lambda row: row["id"]):
        of_attempt = list(group)
        first = of_attempt[0]
        grade = rows.grade_in(of_attempt, drawn, written)
        recorded, since = first["recorded"], changes[first["run_assignment"]]
        if as_recorded:
            since = [one for one in since if one.kind == "name" or one.made <= recorded]
        grade = course_changes.applied(grade, recorded, since)
        of_grade = [
            (digest, course_changes.renamed(one, since))
            for digest, one in decided.get((first["run_assignment"], grade.submission), [])
        ]
        grade = reviews.reviewed(grade, said)
        grade = with_replacement(_decided(grade, of_grade), replaced.get(number, ""))
        built.append(
            Attempt(
                number=number,
                run_id=first["run_id"],
                run=rows.run_in(first),
                grade=grade,
                recorded=first["recorded"],
            )
        )
    return sorted(built, key=lambda attempt: attempt.grade.submission)


def _joined(wanted: Select[tuple[int]]) -> Select[Any]:
    """One row per check of these attempts, with its exercise, attempt and run, in order."""
    numbers = wanted.subquery()
    return (
        select(
            attempts,
            *(column.label(f"run_{column.name}") for column in runs.c if column.name != "id"),
            exercise_results.c.id.label("exercise_id"),
            exercise_results.c.name.label("exercise_name"),
            *(column.label(f"check_{column.name}") for column in check_results.c),
        )
        .join(numbers, numbers.c.id == attempts.c.id)
        .join(runs, runs.c.id == attempts.c.run_id)
        .outerjoin(exercise_results, exercise_results.c.attempt_id == attempts.c.id)
        .outerjoin(check_results, check_results.c.exercise_result_id == exercise_results.c.id)
        .order_by(attempts.c.id, exercise_results.c.position, check_results.c.position)
    )


def _pictures(connection: Connection, wanted: Select[tuple[int]]) -> dict[int, bytes]:
    """The pictures of these attempts, by the number of the exercise's result."""
    numbers = wanted.subquery()
    found = connection.execute(
        select(drawings)
        .join(exercise_results)
        .join(numbers, numbers.c.id == exercise_results.c.attempt_id)
    )
    return {row.exercise_result_id: row.png for row in found}


def _codes(connection: Connection, wanted: Select[tuple[int]]) -> dict[int, str]:
    """The students' code in these attempts, by the number of the exercise's result."""
    numbers = wanted.subquery()
    found = connection.execute(
        select(codes)
        .join(exercise_results)
        .join(numbers, numbers.c.id == exercise_results.c.attempt_id)
    )
    return {row.exercise_result_id: row.source for row in found}


def decisions(
    connection: Connection, names: set[str]
) -> dict[tuple[str, str], list[tuple[str, Adjustment]]]:
    """By assignment and submission: what was decided, oldest first, each for a digest."""
    found = connection.execute(
        select(adjustments, attempts.c.submission, attempts.c.digest, runs.c.assignment)
        .join(attempts, attempts.c.id == adjustments.c.attempt_id)
        .join(runs, runs.c.id == attempts.c.run_id)
        .where(runs.c.assignment.in_(names))
        .order_by(adjustments.c.id)
    )
    result: dict[tuple[str, str], list[tuple[str, Adjustment]]] = {}
    for row in found.mappings():
        place = (row["assignment"], row["submission"])
        result.setdefault(place, []).append((row["digest"], rows.adjustment_in(row)))
    return result


def _replacements(connection: Connection, wanted: Select[tuple[int]]) -> dict[int, str]:
    """The newest word on each of these attempts about what counts in its place."""
    numbers = wanted.subquery()
    found = connection.execute(
        select(replacements)
        .join(numbers, numbers.c.id == replacements.c.attempt_id)
        .order_by(replacements.c.id)
    )
    return {row.attempt_id: row.submission for row in found}


def _decided(grade: Grade, decisions: list[tuple[str, Adjustment]]) -> Grade:
    """Apply what was decided about this very file; say where it was about an earlier one."""
    valid = [adjustment for digest, adjustment in decisions if digest == grade.digest]
    stale = {adjustment.exercise for digest, adjustment in decisions if digest != grade.digest}
    notes = tuple(
        f"points set by hand for {exercise} were for another version of this file"
        for exercise in sorted(stale - {adjustment.exercise for adjustment in valid})
    )
    return adjusted(replace(grade, notes=(*grade.notes, *notes)), valid)
