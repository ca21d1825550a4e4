"""Rows that grading and people add. Each function works within its caller's transaction."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from sqlalchemy import Connection, Insert, func, or_, select

from autograder.gradebook import reading, rows
from autograder.gradebook.decisions import Adjustment
from autograder.gradebook.schema import (
    adjustments,
    attempts,
    check_results,
    codes,
    exercise_results,
    pictures,
    replacements,
    run_ends,
    run_places,
    runs,
)
from autograder.records import LONGEST_CODE, Grade, Outcome, Run
from autograder.text import clean_line, clean_name, clean_text


@dataclass(frozen=True, slots=True, kw_only=True)
class Interrupted:
    """A run that did not come to its end.

    `first` is the number of the run that it began with, however often it was interrupted since.
    """

    number: int
    first: int
    seed: str
    regrade: bool

    def goes_on(self, *, seed: str, regrade: bool) -> bool:
        """Whether a run with this seed ("" for any) and aim would be the rest of this one."""
        return seed in ("", self.seed) and (self.regrade or not regrade)


def insert_run(
    connection: Connection, run: Run, *, regrade: bool, continues: int | None = None
) -> int:
    """Add a run and return its number."""
    started = {"started": datetime.now(UTC), "regrade": regrade, "continues": continues}
    return _inserted(connection, runs.insert().values({**rows.of_run(run), **started}))


def go_on(connection: Connection, run: Run, *, seed: str, regrade: bool) -> tuple[int, Run]:
    """Add a run that goes on with an interrupted one, under its seed, where there is one."""
    found = interrupted(connection, run.assignment, run.course_revision)
    if found is None or not found.goes_on(seed=seed, regrade=regrade):
        return insert_run(connection, run, regrade=regrade), run
    same = replace(run, seed=found.seed)
    return insert_run(connection, same, regrade=regrade, continues=found.first), same


def end_run(connection: Connection, run_id: int) -> None:
    """Add that a run has come to its end, unless that is known."""
    ended = select(run_ends.c.run_id).where(run_ends.c.run_id == run_id)
    if connection.scalar(ended) is None:
        connection.execute(run_ends.insert().values(run_id=run_id, ended=datetime.now(UTC)))


def insert_places(connection: Connection, run_id: int, paths: Collection[str]) -> None:
    """Add where the files of a run were found."""
    place = {"run_id": run_id, "paths": [clean_name(path) for path in paths]}
    connection.execute(run_places.insert().values(place))


def interrupted(connection: Connection, assignment: str, revision: str) -> Interrupted | None:
    """The newest run of this course revision, where it has no end."""
    found = connection.execute(
        select(runs, run_ends.c.ended)
        .outerjoin(run_ends)
        .where(runs.c.assignment == assignment, runs.c.course_revision == revision)
        .order_by(runs.c.id.desc())
        .limit(1)
    ).first()
    if found is None or found.ended is not None:
        return None
    return Interrupted(
        number=found.id,
        first=found.continues or found.id,
        seed=found.seed,
        regrade=found.regrade,
    )


def is_graded(connection: Connection, run_id: int, grade: Grade) -> bool:
    """Whether the newest attempt of a submission is what `run_id` would add: see `record_once`."""
    run = connection.execute(select(runs).where(runs.c.id == run_id)).first()
    if run is None or not grade.digest:
        return False
    same = (
        reading.newest(run.assignment)
        .where(attempts.c.submission == clean_name(grade.submission))
        .where(attempts.c.digest == grade.digest, attempts.c.run_id != run_id)
        .where(runs.c.course_revision == run.course_revision)
    )
    if run.regrade:
        first = run.continues or run.id
        same = same.where(or_(runs.c.id == first, runs.c.continues == first))
    found = connection.execute(same).first()
    return found is not None and not _undecided(connection, found.id)


def insert_attempt(connection: Connection, run_id: int, grade: Grade) -> None:
    """Add a grade with all that belongs to it."""
    attempt = {**rows.of_grade(grade), "run_id": run_id, "recorded": datetime.now(UTC)}
    attempt_id = _inserted(connection, attempts.insert().values(attempt))
    if grade.replaced_by:
        insert_replacement(connection, attempt_id, grade.replaced_by)
    for position, exercise in enumerate(grade.exercises):
        row = {"attempt_id": attempt_id, "position": position, "name": clean_line(exercise.name)}
        exercise_id = _inserted(connection, exercise_results.insert().values(row))
        checks = [
            {**rows.of_check(check), "exercise_result_id": exercise_id, "position": number}
            for number, check in enumerate(exercise.judged)
        ]
        if checks:
            connection.execute(check_results.insert(), checks)
        if exercise.code:
            source = clean_text(exercise.code, LONGEST_CODE)
            written = {"exercise_result_id": exercise_id, "source": source}
            connection.execute(codes.insert().values(written))
        if exercise.picture:
            drawn = {"exercise_result_id": exercise_id, "png": exercise.picture}
            connection.execute(pictures.insert().values(drawn))


def insert_replacement(connection: Connection, attempt_id: int, submission: str) -> None:
    """Add which submission counts in place of an attempt."""
    row = {"attempt_id": attempt_id, "submission": clean_name(submission)}
    connection.execute(replacements.insert().values({**row, "noted": datetime.now(UTC)}))


def insert_adjustment(connection: Connection, attempt_id: int, adjustment: Adjustment) -> None:
    """Add what a person decided about an exercise of an attempt."""
    row = {**rows.of_adjustment(adjustment), "attempt_id": attempt_id}
    connection.execute(adjustments.insert().values(row))


def _undecided(connection: Connection, attempt_id: int) -> bool:
    """Whether a check of an attempt could not be judged."""
    found = connection.scalar(
        select(func.count())
        .select_from(check_results.join(exercise_results))
        .where(exercise_results.c.attempt_id == attempt_id)
        .where(check_results.c.outcome == Outcome.GRADER_ERROR.value)
    )
    return bool(found)


def _inserted(connection: Connection, insert: Insert) -> int:
    key = connection.execute(insert).inserted_primary_key
    assert key is not None
    return int(key[0])
