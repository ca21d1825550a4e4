"""The gradebook: runs and attempts go in, a class's grades come out."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from sqlalchemy import Connection, Engine, Select, or_, select
from sqlalchemy.exc import IntegrityError

from autograder.gradebook import (
    absences,
    course_changes,
    members,
    policies,
    reading,
    rows,
    writing,
)
from autograder.gradebook.absences import Absence
from autograder.gradebook.connection import (
    explained,
    gradebook_url,
    open_engine,
    place_of,
    sqlite_file,
)
from autograder.gradebook.course_changes import CourseChange
from autograder.gradebook.decisions import Adjustment, check_adjustment, grade_that_counts
from autograder.gradebook.errors import GradebookError
from autograder.gradebook.reading import Attempt
from autograder.gradebook.schema import attempts, run_places, runs
from autograder.gradebook.writing import Interrupted
from autograder.records import ClassGrades, Grade, Run, Status
from autograder.text import clean_name

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
    def place(self) -> str:
        """Where the gradebook is, for messages: without a password."""
        return self._place

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

    def start_run(self, run: Run, *, regrade: bool = False) -> int:
        """Note that a grading run begins, and return its number."""
        with explained(self._place), self._engine.begin() as connection:
            return writing.insert_run(connection, run, regrade=regrade)

    def go_on(self, run: Run, *, seed: str = "", regrade: bool = False) -> tuple[int, Run]:
        """Begin a run under the seed of the one that was interrupted, or start it as it is.

        `seed` is the one that must be used, "" where any will do. Returns the run's number, and the
        run with its seed. Of several programs that begin at once, all go on with the first's seed.
        """
        with explained(self._place), self._engine.begin() as connection:
            return writing.go_on(connection, run, seed=seed, regrade=regrade)

    def end_run(self, run_id: int) -> None:
        """Note that everything that a run was started for is in the gradebook."""
        with explained(self._place), self._engine.begin() as connection:
            writing.end_run(connection, run_id)

    def keep_places(self, run_id: int, paths: Collection[str]) -> None:
        """Note where the files of a run were found."""
        with explained(self._place), self._engine.begin() as connection:
            writing.insert_places(connection, run_id, paths)

    def places(self, run_id: int) -> tuple[str, ...]:
        """Where the files of a run were found; nothing where that is not known."""
        wanted = select(run_places.c.paths).where(run_places.c.run_id == run_id)
        with explained(self._place), self._reading() as connection:
            return tuple(connection.scalar(wanted) or ())

    def keep_policy(self, text: str, who: str) -> bool:
        """Keep the course's rules on deadlines: whether they are others than before."""
        with explained(self._place), self._engine.begin() as connection:
            return policies.insert(connection, text, who)

    def policies(self) -> list[str]:
        """The rules on deadlines that hold, and those of before; empty where there are none."""
        with explained(self._place), self._reading() as connection:
            return policies.newest(connection)

    @contextmanager
    def transaction(self, *, writing: bool = True) -> Iterator[Connection]:
        """A transaction of several steps; of those that write, one goes on at a time."""
        engine = self._engine if writing else self._engine.execution_options(reading=True)
        with explained(self._place), engine.begin() as connection:
            yield connection

    def interrupted(self, assignment: str, revision: str) -> Interrupted | None:
        """The newest run of this course revision, where it did not come to its end."""
        with explained(self._place), self._reading() as connection:
            return writing.interrupted(connection, assignment, revision)

    def record(self, run_id: int, grade: Grade) -> None:
        """Keep one grade, committed on return; an error if this run has graded the submission."""
        with explained(self._place):
            try:
                with self._engine.begin() as connection:
                    writing.insert_attempt(connection, run_id, grade)
            except IntegrityError as error:
                raise self._refused(run_id, grade) from error

    def record_once(self, run_id: int, grade: Grade) -> bool:
        """Keep one grade unless another program has graded the same meanwhile: whether it was kept.

        The same is the same submission, file contents and course revision; while grading again, in
        a run that goes on with the same one.
        """
        with explained(self._place):
            try:
                with self._engine.begin() as connection:
                    if writing.is_graded(connection, run_id, grade):
                        return False
                    writing.insert_attempt(connection, run_id, grade)
                    return True
            except IntegrityError as error:
                raise self._refused(run_id, grade) from error

    def replace(self, assignment: str, by: Mapping[str, str]) -> None:
        """Note for submissions which newer one counts in their place ("" for none)."""
        counting = {clean_name(submission): clean_name(newer) for submission, newer in by.items()}
        news = {
            attempt.number: newer
            for attempt in self.attempts(assignment)
            if (newer := counting.get(attempt.grade.submission, "")) != attempt.grade.replaced_by
            and attempt.grade.submission in counting
        }
        if not news:
            return
        with explained(self._place), self._engine.begin() as connection:
            for number, newer in news.items():
                writing.insert_replacement(connection, number, newer)

    def adjust(
        self, assignment: str, student: str, adjustment: Adjustment, absentee: Grade | None = None
    ) -> tuple[Grade, Grade]:
        """Keep what a person decided about an exercise of a student (or of a submission's name).

        `absentee` is the grade of the student meant, where they handed in nothing. Returns the
        student's grade before and after.
        """
        found = {attempt.grade: attempt for attempt in self.attempts(assignment)}
        away = [one.grade(found) for one in self._absences(assignment)]
        if absentee is not None and absentee.student not in [grade.student for grade in away]:
            away.append(absentee)
        grade = grade_that_counts([*found, *away], clean_name(student))
        check_adjustment(grade, adjustment)
        with explained(self._place), self._engine.begin() as connection:
            if grade in found:
                writing.insert_adjustment(connection, found[grade].number, adjustment)
            else:
                absences.insert(connection, assignment, grade, adjustment)
        if grade in found:
            after, *_ = self.latest(assignment, [grade.submission]).grades
            return grade, after
        known = {one.student: one for one in self._absences(assignment)}
        return grade, known[clean_name(grade.student)].grade(found)

    def adjust_member(
        self, assignment: str, member: Grade, adjustment: Adjustment
    ) -> tuple[Grade, Grade]:
        """Keep what a person decided about an exercise of one member of a team.

        `member` is the grade that the member has, with their own name and identity. Returns their
        grade before and after.
        """
        check_adjustment(member, adjustment)
        numbers = {one.grade.submission: one.number for one in self.attempts(assignment)}
        number = numbers[member.submission]
        with explained(self._place), self._engine.begin() as connection:
            members.insert(connection, number, member, adjustment)
        teams, *own = self.latest(assignment, [member.submission]).grades
        student = clean_name(member.student)
        unchanged = replace(teams, student=student, identity=member.identity)
        return member, next((one for one in own if one.student == student), unchanged)

    def change(self, assignment: str, change: CourseChange) -> tuple[int, int]:
        """Keep what changed in the course; of how many grades the points changed, and of how many.

        Raises `GradebookError` for a check that was not graded.
        """
        before = [attempt.grade for attempt in self.attempts(assignment)]
        course_changes.must_fit(change, before)
        with explained(self._place), self._engine.begin() as connection:
            course_changes.insert(connection, assignment, change)
        pairs = zip(before, (one.grade for one in self.attempts(assignment)), strict=True)
        others = [(a.score, a.possible) != (b.score, b.possible) for a, b in pairs]
        return sum(others), len(others)

    def rename(self, assignment: str, names: Mapping[tuple[str, str], str], made: datetime) -> None:
        """Note which exercises and checks the course calls otherwise now, where that is news.

        `names` has the new name by exercise and check, "" for the exercise itself.
        """
        if assignment not in self.assignments():
            return
        with explained(self._place), self._engine.begin() as connection:
            known = {(c.place, c.value) for c in course_changes.read(connection, assignment)}
            for (exercise, check), name in names.items():
                if ((exercise, check), name) not in known:
                    change = CourseChange(
                        exercise=exercise,
                        check=check,
                        kind="name",
                        value=name,
                        who="the course",
                        why="the course has renamed it",
                        made=made,
                    )
                    course_changes.insert(connection, assignment, change)

    def held(
        self, assignment: str, revision: str, *, in_run: int | None = None
    ) -> dict[tuple[str, str], Grade]:
        """The grades that need not be made again, by submission and digest.

        These are the newest attempts of their submissions, graded with this course revision (and in
        the run `in_run` or one that went on with it, when given). One that needs review, or could
        not even be opened, is not among them: it deserves another try.
        """
        newest = reading.newest(assignment).where(runs.c.course_revision == revision)
        if in_run is not None:
            newest = newest.where(or_(runs.c.id == in_run, runs.c.continues == in_run))
        grades = (attempt.grade for attempt in self._read(newest))
        return {
            (grade.submission, grade.digest): grade
            for grade in grades
            if grade.digest and grade.status is not Status.NEEDS_REVIEW
        }

    def assignments(self) -> tuple[str, ...]:
        """The assignments that something was graded of, in alphabetical order."""
        graded = select(runs.c.assignment).join(attempts).distinct()
        with explained(self._place), self._reading() as connection:
            return tuple(connection.scalars(graded.order_by(runs.c.assignment)))

    def attempts(self, assignment: str) -> list[Attempt]:
        """The newest attempt of each submission, in the order of their names, without pictures."""
        return self._read(reading.newest(assignment))

    def graded_twice(self, assignment: str) -> list[tuple[tuple[Run, Grade], tuple[Run, Grade]]]:
        """Of each submission that was graded again as it stands: the attempt before, the newest.

        Files that were handed in anew since the attempt before are not among them. Where the course
        has changed since the newest attempt, that attempt as it was graded is the one before.
        """
        before = {
            one.grade.submission: one for one in self._read(reading.second_newest(assignment))
        }
        newest = self.attempts(assignment)
        for one in self._read(reading.newest(assignment), as_recorded=True):
            now = next(new for new in newest if new.number == one.number)
            if one.grade != now.grade:
                before[one.grade.submission] = one
        return [
            ((old.run, old.grade), (new.run, new.grade))
            for new in newest
            if (old := before.get(new.grade.submission)) and old.grade.digest == new.grade.digest
        ]

    def latest(self, assignment: str, submissions: Collection[str] | None = None) -> ClassGrades:
        """The newest attempt of each submission (of these alone, and in their order, when given).

        Without `submissions` also the grades of those who were given points without any.

        The run is the newest that counts, with the weakest isolation of all that count. A grade
        that an older revision of the course gave says so in its notes.
        """
        found = self._read(reading.newest(assignment), pictures=True)
        if submissions is not None:
            wanted = {clean_name(name): place for place, name in enumerate(submissions)}
            found = [attempt for attempt in found if attempt.grade.submission in wanted]
            found.sort(key=lambda attempt: wanted[attempt.grade.submission])
        if not found:
            raise GradebookError(f"{self._place} holds no grades of {assignment!r}")
        by_run = {attempt.run_id: attempt.run for attempt in found}
        run = rows.combined([by_run[run_id] for run_id in sorted(by_run)])
        known = self._absences(assignment)
        grades = (rows.with_revision_note(one.grade, one.run, run) for one in found)
        noted = tuple(absences.noted(grade, known) for grade in grades)
        with explained(self._place), self._reading() as connection:
            of_teams = members.read(connection, assignment)
        newest = ClassGrades(run=run, grades=tuple(members.with_members(noted, of_teams)))
        return newest if submissions is not None else self.with_absent(newest)

    def with_absent(self, class_grades: ClassGrades) -> ClassGrades:
        """The class with those who handed in nothing, and were given points all the same."""
        known = self._absences(class_grades.run.assignment)
        if not known:
            return class_grades
        handed_in = [attempt.grade for attempt in self.attempts(class_grades.run.assignment)]
        away = absences.still_absent(known, handed_in)
        return replace(class_grades, grades=(*class_grades.grades, *away))

    def _reading(self) -> Connection:
        return self._engine.execution_options(reading=True).connect()

    def _absences(self, assignment: str) -> list[Absence]:
        with explained(self._place), self._reading() as connection:
            return absences.read(connection, assignment)

    def _read(
        self, wanted: Select[tuple[int]], *, pictures: bool = False, as_recorded: bool = False
    ) -> list[Attempt]:
        with explained(self._place), self._reading() as connection:
            try:
                return reading.read(connection, wanted, pictures=pictures, as_recorded=as_recorded)
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
