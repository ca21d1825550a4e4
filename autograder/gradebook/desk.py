"""Going through the answers of an assignment, by several people at once.

Each step is one transaction, in which what it depends on is read anew. A step that sets a state
twice adds nothing the second time. Whoever sets points says what they have seen of the answer:
where somebody else has changed it since, nothing is set.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime

from sqlalchemy import Connection, Select, select

from autograder.gradebook import course_changes, reading, reviews, writing
from autograder.gradebook.course_changes import CourseChange
from autograder.gradebook.decisions import Adjustment, check_adjustment
from autograder.gradebook.errors import GradebookError
from autograder.gradebook.reading import Attempt
from autograder.gradebook.reviews import Mark, Said
from autograder.gradebook.schema import attempts
from autograder.gradebook.store import Gradebook
from autograder.records import ExerciseGrade


class ChangedMeanwhileError(GradebookError):
    """Somebody else has changed an answer since it was looked at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One student's answer to one exercise, with what people have said of it.

    `version` grows with everything that is decided about it.
    """

    attempt: int
    student: str
    submission: str
    exercise: ExerciseGrade
    said: Said = field(default_factory=Said)
    version: int = 0


class Desk:
    """The answers of one assignment, to look at and to decide on; `who` does so."""

    def __init__(self, book: Gradebook, assignment: str, who: str) -> None:
        self._book = book
        self.assignment = assignment
        self.who = who

    def exercises(self) -> dict[str, list[Answer]]:
        """All answers that count and can be read, by exercise, sorted by student."""
        with self._book.transaction(writing=False) as connection:
            found = reading.read(connection, reading.newest(self.assignment), pictures=True)
            answers = self._answers(connection, found)
        by_exercise: dict[str, list[Answer]] = {}
        for one in sorted(answers, key=lambda answer: answer.student.casefold()):
            by_exercise.setdefault(one.exercise.name, []).append(one)
        return by_exercise

    def rubric(self, exercise: str) -> dict[str, float]:
        """The rubric of an exercise: items and their points."""
        with self._book.transaction(writing=False) as connection:
            return reviews.rubric(connection, self.assignment).get(exercise, {})

    def answer(self, attempt: int, exercise: str) -> Answer:
        """One answer as it is now; `GradebookError` where there is none."""
        with self._book.transaction(writing=False) as connection:
            return self._answer(connection, attempt, exercise)

    def comment(self, attempt: int, exercise: str, text: str, seen: int | None = None) -> None:
        """Write to the student about an answer; "" takes an earlier comment back."""
        with self._book.transaction() as connection:
            answer = self._unchanged(connection, attempt, exercise, seen)
            if answer.said.comment != text:
                reviews.add_comment(connection, attempt, exercise, text, self.who)

    def look(self, attempt: int, exercise: str, *, looked: bool) -> None:
        """Say that an answer has been looked at."""
        with self._book.transaction() as connection:
            answer = self._answer(connection, attempt, exercise)
            if answer.said.looked != looked:
                reviews.add_look(connection, attempt, exercise, self.who, looked=looked)

    def choose(self, attempt: int, exercise: str, item: str, *, chosen: bool) -> None:
        """Choose an item of the rubric for an answer, or no longer; its points follow."""
        with self._book.transaction() as connection:
            answer = self._answer(connection, attempt, exercise)
            items = reviews.rubric(connection, self.assignment).get(exercise, {})
            marks = dict(answer.said.marks)
            if (item in marks) == chosen:
                return
            points = marks[item].points if item in marks else items.get(item)
            if points is None:
                raise GradebookError(f"the rubric of {exercise} has no item {item!r}")
            mark = Mark(item=item, points=points, who=self.who)
            reviews.add_mark(connection, attempt, exercise, mark, chosen=chosen)
            marks.pop(item, None)
            if chosen:
                marks[item] = mark
            total = reviews.total_of(answer.exercise, marks.values()) if marks else None
            why = "; ".join(f"{one.item} ({one.points:+g})" for one in marks.values())
            self._set(connection, attempt, exercise, total, why or "no item of the rubric applies")

    def set_points(
        self, attempt: int, exercise: str, points: float | None, why: str, seen: int | None = None
    ) -> None:
        """Set the points of an answer by hand; `None` lets the checks' sum count again.

        `ChangedMeanwhileError` where the answer is no longer at the version `seen`.
        """
        with self._book.transaction() as connection:
            self._unchanged(connection, attempt, exercise, seen)
            (found,) = reading.read(connection, _of_attempt(attempt), pictures=False)
            check_adjustment(found.grade, _decided(exercise, points, self.who, why))
            self._set(connection, attempt, exercise, points, why)

    def add_item(self, exercise: str, item: str, points: float | None) -> None:
        """Add an item to the rubric of an exercise, or withdraw it (without points)."""
        if not item.strip():
            raise GradebookError("an item of a rubric needs a name")
        with self._book.transaction() as connection:
            reviews.add_item(connection, self.assignment, exercise, item, points, self.who)

    def void(self, exercise: str, check: str, why: str, *, void: bool) -> None:
        """Make a check void for the whole class, or no longer."""
        if not why.strip():
            raise GradebookError("say why the check is void: students read it")
        with self._book.transaction() as connection:
            if ((exercise, check) in course_changes.void_now(connection, self.assignment)) != void:
                change = CourseChange(
                    exercise=exercise,
                    check=check,
                    kind="void" if void else "undo",
                    who=self.who,
                    why=why,
                    made=datetime.now(UTC),
                )
                course_changes.insert(connection, self.assignment, change)

    def _answers(self, connection: Connection, found: list[Attempt]) -> list[Answer]:
        said = reviews.read(connection, [self.assignment])
        decided = reading.decisions(connection, {self.assignment})
        answers = []
        for attempt in found:
            grade = attempt.grade
            if not grade.counts or not grade.readable:
                continue
            rows = decided.get((self.assignment, grade.submission), [])
            for one in grade.exercises:
                about = said.get((grade.submission, grade.digest, one.name), Said())
                points = sum(adjustment.exercise == one.name for _, adjustment in rows)
                answers.append(
                    Answer(
                        attempt=attempt.number,
                        student=grade.student,
                        submission=grade.submission,
                        exercise=one,
                        said=about,
                        version=about.version + points,
                    )
                )
        return answers

    def _answer(self, connection: Connection, attempt: int, exercise: str) -> Answer:
        found = reading.read(connection, _of_attempt(attempt), pictures=True)
        answers = self._answers(
            connection, [o for o in found if o.run.assignment == self.assignment]
        )
        one = next((answer for answer in answers if answer.exercise.name == exercise), None)
        if one is None:
            raise GradebookError(f"there is no answer {attempt} to {exercise!r}")
        return one

    def _unchanged(
        self, connection: Connection, attempt: int, exercise: str, seen: int | None
    ) -> Answer:
        answer = self._answer(connection, attempt, exercise)
        if seen is not None and answer.version != seen:
            raise ChangedMeanwhileError(
                "somebody else has changed this answer: look again, then decide"
            )
        return answer

    def _set(
        self, connection: Connection, attempt: int, exercise: str, points: float | None, why: str
    ) -> None:
        decision = _decided(exercise, points, self.who, why)
        writing.insert_adjustment(connection, attempt, decision)


def _decided(exercise: str, points: float | None, who: str, why: str) -> Adjustment:
    return Adjustment(exercise=exercise, points=points, who=who, why=why, made=datetime.now(UTC))


def _of_attempt(attempt: int) -> Select[tuple[int]]:
    return select(attempts.c.id).where(attempts.c.id == attempt)
