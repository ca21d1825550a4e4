"""`moelab adjust`: points that a person sets, on top of what was graded."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from autograder.cli.common import example, me, told
from autograder.cli.report import chosen_assignment, people_of
from autograder.records import Outcome

if TYPE_CHECKING:
    from autograder.gradebook import Adjustment, Gradebook
    from autograder.records import ClassGrades, Grade
    from autograder.report.lms.roster import Roster


@click.command(
    epilog=example(
        "moelab demo",
        "moelab adjust moelab-demo/gradebook.db --student right_script "
        "--exercise find_router_layers --points 5 --why 'shown in class'",
    )
)
@click.argument("gradebook", metavar="GRADEBOOK")
@click.option("--student", metavar="NAME", help="Whose grade, as reports name them.")
@click.option("--exercise", metavar="NAME", help="The exercise.")
@click.option("--points", type=float, help="Its points from now on, in place of the checks' sum.")
@click.option("--undo", is_flag=True, help="Let the checks' points count again.")
@click.option("--why", metavar="TEXT", help="The reason; students see it.")
@click.option("--comment", metavar="TEXT", help="Words to the student, for the feedback.")
@click.option("--void", metavar="CHECK", help="A check that costs nobody anything from now on.")
@click.option(
    "--csv",
    "table",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="Many decisions at once: student, exercise, points, why, comment.",
)
@click.option(
    "--export",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="CSV",
    help="Write such a table with every answer, to fill in.",
)
@click.option("--who", metavar="NAME", help="Who decides.  [default: you]")
@click.option("--assignment", metavar="NAME", help="Which assignment, where there are several.")
@click.option(
    "--roster",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    metavar="CSV",
    help="Who takes the course: to mean a student without a file, or one member of a team.",
)
def adjust(
    gradebook: str,
    who: str | None,
    assignment: str | None,
    roster: Path | None,
    table: Path | None,
    export: Path | None,
    **one: Any,
) -> None:
    """Set the points of one exercise of one student by hand.

    What was graded stays in the gradebook; who decided, when and why is added to it. The points
    hold until that student hands in another file, also when the class is graded again. With
    --roster the student may also have handed in nothing, or be one member of a team.

    --csv does the same for many, all of them or none. --void CHECK with --exercise and --why gives
    a check's points to the whole class.
    """
    from autograder.gradebook import Gradebook, GradebookError
    from autograder.report.files import ReportError

    wanted = _wanted(one, table, export)
    people = people_of(roster)
    with told(GradebookError, ReportError), Gradebook.open(gradebook, create=False) as book:
        name = chosen_assignment(book, gradebook, assignment)
        desk = _Decisions(book, name, people, who or me())
        if wanted == "table":
            assert table is not None
            desk.read(table)
        elif wanted == "void":
            desk.void(one["exercise"], one["void"], one["why"], undo=one["undo"])
        elif wanted == "one":
            desk.one(one)
        if export is not None:
            desk.write(export, one["exercise"] or "")


def _wanted(one: dict[str, Any], table: Path | None, export: Path | None) -> str:
    """What is asked for: a `table`, a check made `void`, `one` decision, or "" for an export."""
    given = {key for key, value in one.items() if value not in (None, False)}
    if table is not None:
        if given - {"exercise"}:
            raise click.UsageError("--csv says everything itself: leave the other options out.")
        return "table"
    if export is not None and given <= {"exercise"}:
        return ""
    if one["void"] is not None:
        if not {"exercise", "why"} <= given or given & {"student", "points", "comment"}:
            raise click.UsageError("--void goes with --exercise and --why.")
        return "void"
    for key in ("student", "exercise"):
        if one[key] is None:
            raise click.UsageError(f"Missing option '--{key}'.")
    if (one["undo"] and one["points"] is not None) or given <= {"student", "exercise", "why"}:
        raise click.UsageError("Give either --points or --undo, or a --comment.")
    if one["why"] is None and (one["undo"] or one["points"] is not None):
        raise click.UsageError("Missing option '--why'.")
    return "one"


class _Decisions:
    """What a person decides about an assignment, put into the gradebook."""

    def __init__(self, book: Gradebook, assignment: str, people: Roster | None, who: str) -> None:
        from autograder.gradebook.desk import Desk

        self._book, self._name, self._people, self._who = book, assignment, people, who
        self._desk = Desk(book, assignment, who)

    def one(self, one: dict[str, Any]) -> None:
        """Points or a comment for one student."""
        if one["points"] is not None or one["undo"]:
            self._points(one["student"], self._decided(one["exercise"], one["points"], one["why"]))
        if one["comment"] is not None:
            self._comment(one["student"], one["exercise"], one["comment"])

    def void(self, exercise: str, check: str, why: str, *, undo: bool) -> None:
        """A check that costs nobody anything, or does so again."""
        from autograder.gradebook import GradebookError

        answers = self._desk.exercises().get(exercise, [])
        names = dict.fromkeys(c.name for answer in answers for c in answer.exercise.judged)
        if check not in names:
            known = ", ".join(names) or "none"
            raise GradebookError(f"{exercise} has no check {check!r}: it has {known}")
        self._desk.void(exercise, check, why, void=not undo)
        lost = sum(
            one.name == check and one.outcome is not Outcome.PASSED
            for answer in answers
            for one in answer.exercise.judged
        )
        says = "counts again" if undo else f"is void: {lost} of {len(answers)} get its points"
        click.echo(f"{exercise}, {check} {says}.")

    def read(self, table: Path) -> None:
        """All decisions of a table, or none of them where one cannot be."""
        from autograder.gradebook import GradebookError
        from autograder.gradebook.decisions import check_adjustment
        from autograder.report.decisions import read_decisions

        rows = read_decisions(table)
        class_grades = self._book.latest(self._name)
        wrong = []
        for row in rows:
            try:
                grade = self._grade(class_grades, row.whose)
                points = None if row.undo else row.points
                why = row.why if row.undo or row.points is not None else "a comment"
                check_adjustment(grade, self._decided(row.exercise, points, why))
            except GradebookError as error:
                wrong.append(f"line {row.line}: {error}")
        if wrong:
            more = f" ({len(wrong) - 1} more lines are wrong)" if len(wrong) > 1 else ""
            raise GradebookError(f"nothing was set. {table}, {wrong[0]}{more}")
        changed = 0
        for row in rows:
            grade = self._grade(class_grades, row.whose)
            now = next(one for one in grade.exercises if one.name == row.exercise)
            same = now.adjustment is not None and row.points == now.score
            sets = (row.undo and now.adjustment) or (row.points is not None and not same)
            if sets:
                decision = self._decided(row.exercise, row.points, row.why)
                self._points(row.whose, decision, quiet=True)
            says = bool(row.comment) and row.comment != now.comment
            if says:
                self._comment(row.whose, row.exercise, row.comment)
            changed += bool(sets or says)
        click.echo(f"{changed} of {len(rows)} decisions are new, and set.")

    def write(self, path: Path, exercise: str) -> None:
        """A table of every answer, with what was decided."""
        from autograder.report.decisions import decisions_table
        from autograder.report.files import write_text

        write_text(path, decisions_table(self._book.latest(self._name), exercise))
        click.echo(f"wrote {path}", err=True)

    def _grade(self, class_grades: ClassGrades, student: str) -> Grade:
        from autograder.gradebook.decisions import grade_that_counts
        from autograder.report.lms.attendance import whose

        meant = whose(self._people, class_grades, student) if self._people is not None else None
        return meant.grade if meant is not None else grade_that_counts(class_grades.grades, student)

    def _decided(self, exercise: str, points: float | None, why: str) -> Adjustment:
        from autograder.gradebook import Adjustment

        return Adjustment(
            exercise=exercise, points=points, who=self._who, why=why, made=datetime.now(UTC)
        )

    def _points(self, student: str, decision: Adjustment, *, quiet: bool = False) -> None:
        from autograder.report.lms.attendance import whose
        from autograder.report.numbers import points as shown

        book, name, people = self._book, self._name, self._people
        meant = whose(people, book.latest(name), student) if people is not None else None
        if meant is None:
            before, after = book.adjust(name, student, decision)
        elif meant.is_of_a_team:
            before, after = book.adjust_member(name, meant.grade, decision)
        elif meant.grade.submission:
            before, after = book.adjust(name, meant.grade.submission, decision)
        else:
            before, after = book.adjust(name, meant.grade.student, decision, meant.grade)
        if quiet:
            return
        old, new = (
            next(one for one in grade.exercises if one.name == decision.exercise)
            for grade in (before, after)
        )
        click.echo(
            f"{before.student}, {decision.exercise}: {shown(old.score)} → {shown(new.score)} of "
            f"{shown(new.possible)} points; in all {shown(before.score)} → {shown(after.score)} of "
            f"{shown(after.possible)}."
        )

    def _comment(self, student: str, exercise: str, text: str) -> None:
        from autograder.gradebook import GradebookError

        grade = self._grade(self._book.latest(self._name), student)
        numbers = {one.grade.submission: one.number for one in self._book.attempts(self._name)}
        if grade.submission not in numbers:
            raise GradebookError(f"{student} handed in nothing that could be commented on")
        self._desk.comment(numbers[grade.submission], exercise, text)
