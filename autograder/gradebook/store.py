"""The gradebook: runs and attempts go in, a class's grades come out."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, Insert, Select, func, select
from sqlalchemy.exc import IntegrityError

from autograder.gradebook import rows
from autograder.gradebook.connection import (
    GradebookError,
    explained,
    gradebook_url,
    open_engine,
    place_of,
    sqlite_file,
)
from autograder.gradebook.schema import attempts, check_results, exercise_results, runs
from autograder.records import ClassGrades, Grade, Run, Status
from autograder.wire.text import clean_line, clean_name

WAIT_FOR_OTHERS = 30.0  # seconds for another program's write to end


class Gradebook:
    """Grades in a database: each attempt is kept, the newest of a submission counts.

    Every method raises `GradebookError`, with one sentence, where the database cannot be used.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._place = place_of(engine.url)

    @classmethod
    def open(cls, url: str, *, create: bool = True, wait: float = WAIT_FOR_OTHERS) -> Gradebook:
        """Open the gradebook at a URL or path, and make it where there is none and `create`.

        `wait`: seconds for another program's write to end.
        """
        return cls(open_engine(gradebook_url(url), create=create, wait=wait))

    @property
    def file(self) -> Path | None:
        """The file that holds the gradebook, where one does."""
        return sqlite_file(self._engine.url)

    def __enter__(self) -> Gradebook:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Give up the connection."""
        self._engine.dispose()

    def start_run(self, run: Run) -> int:
        """Note that a grading run begins, and return its number."""
        with explained(self._place), self._engine.begin() as connection:
            started = {**rows.of_run(run), "started": datetime.now(UTC)}
            return _inserted(connection, runs.insert().values(started))

    def record(self, run_id: int, grade: Grade) -> None:
        """Keep one grade, committed on return; an error if this run has graded the submission."""
        with explained(self._place):
            try:
                with self._engine.begin() as connection:
                    _insert(connection, run_id, grade)
            except IntegrityError as error:
                raise self._refused(run_id, grade) from error

    def held(self, assignment: str, revision: str) -> dict[tuple[str, str], Grade]:
        """The grades that need not be made again, by submission and digest.

        These are the newest attempts of their submissions, graded with this course revision. One
        that needs review, or could not even be opened, is not among them: it deserves another try.
        """
        newest = _newest(assignment).where(runs.c.course_revision == revision)
        return {
            (grade.submission, grade.digest): grade
            for _, _, grade in self._read(newest)
            if grade.digest and grade.status is not Status.NEEDS_REVIEW
        }

    def assignments(self) -> tuple[str, ...]:
        """The assignments that something was graded of, in alphabetical order."""
        graded = select(runs.c.assignment).join(attempts).distinct()
        with explained(self._place), self._reading() as connection:
            return tuple(connection.scalars(graded.order_by(runs.c.assignment)))

    def latest(self, assignment: str, submissions: Collection[str] | None = None) -> ClassGrades:
        """The newest attempt of each submission (of these alone, and in their order, when given).

        The run is the newest that counts, with the weakest isolation of all that count. A grade
        that an older revision of the course gave says so in its notes.
        """
        found = self._read(_newest(assignment))
        if submissions is not None:
            wanted = {clean_name(name): place for place, name in enumerate(submissions)}
            found = [entry for entry in found if entry[2].submission in wanted]
            found.sort(key=lambda entry: wanted[entry[2].submission])
        if not found:
            raise GradebookError(f"{self._place} holds no grades of {assignment!r}")
        by_run = {run_id: run for run_id, run, _ in found}
        run = rows.combined([by_run[run_id] for run_id in sorted(by_run)])
        grades = tuple(rows.with_revision_note(grade, of, run) for _, of, grade in found)
        return ClassGrades(run=run, grades=grades)

    def _reading(self) -> Connection:
        return self._engine.execution_options(reading=True).connect()

    def _read(self, newest: Select[tuple[int]]) -> list[tuple[int, Run, Grade]]:
        with explained(self._place), self._reading() as connection:
            found = connection.execute(rows.joined(newest)).mappings().all()
        try:
            return rows.as_grades(found)
        except (KeyError, TypeError, ValueError) as error:
            raise GradebookError(
                f"{self._place} holds a row that this version cannot read ({error})"
            ) from error

    def _refused(self, run_id: int, grade: Grade) -> GradebookError:
        with self._reading() as connection:
            known = connection.scalar(select(runs.c.id).where(runs.c.id == run_id))
        if known is None:
            return GradebookError(f"{self._place} has no run {run_id}")
        return GradebookError(
            f"{self._place} holds {clean_name(grade.submission)!r} of run {run_id} already"
        )


def _newest(assignment: str) -> Select[tuple[int]]:
    """The numbers of the newest attempts of an assignment, one for each submission."""
    latest = (
        select(func.max(attempts.c.id).label("id"))
        .join(runs)
        .where(runs.c.assignment == assignment)
        .group_by(attempts.c.submission)
        .subquery()
    )
    return select(attempts.c.id).join(latest, latest.c.id == attempts.c.id).join(runs)


def _insert(connection: Connection, run_id: int, grade: Grade) -> None:
    attempt = {**rows.of_grade(grade), "run_id": run_id, "recorded": datetime.now(UTC)}
    attempt_id = _inserted(connection, attempts.insert().values(attempt))
    for position, exercise in enumerate(grade.exercises):
        row = {"attempt_id": attempt_id, "position": position, "name": clean_line(exercise.name)}
        exercise_id = _inserted(connection, exercise_results.insert().values(row))
        checks: Sequence[dict[str, Any]] = [
            {**rows.of_check(check), "exercise_result_id": exercise_id, "position": number}
            for number, check in enumerate(exercise.checks)
        ]
        if checks:
            connection.execute(check_results.insert(), checks)


def _inserted(connection: Connection, insert: Insert) -> int:
    key = connection.execute(insert).inserted_primary_key
    assert key is not None
    return int(key[0])
