"""`moelab adjust`: points that a person sets, on top of what was graded."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from autograder.cli.common import example, me, told
from autograder.cli.report import chosen_assignment, people_of

if TYPE_CHECKING:
    from autograder.gradebook import Adjustment, Gradebook
    from autograder.gradebook.course_changes import Kind
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
@click.option("--check", metavar="NAME", help="Instead of --student: a check, for the whole class.")
@click.option(
    "--points",
    type=float,
    help="The student's points for the exercise, or what the check is worth: 0 retires it.",
)
@click.option("--void", is_flag=True, help="Give everybody the points of --check.")
@click.option("--undo", is_flag=True, help="Let the points count again as they were graded.")
@click.option("--why", metavar="TEXT", help="The reason; students see it.")
@click.option("--comment", metavar="TEXT", help="Words to the student, for the feedback.")
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
    """Set points by hand, of a student or of a check.

    What was graded stays in the gradebook; who decided, when and why is added to it. The points
    hold until that student hands in another file, also when the class is graded again. With
    --roster the student may also have handed in nothing, or be one member of a team.

    --csv does the same for many students, all of them or none. With --check in place of --student
    nothing is graded again either: --points 0 retires a check that was unfair, --void gives
    everybody its points, and `moelab report --diff` shows whose grade changes.
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
        elif wanted == "check":
            desk.check(one)
        elif wanted == "one":
            desk.one(one)
        if export is not None:
            desk.write(export, one["exercise"] or "")


def _wanted(one: dict[str, Any], table: Path | None, export: Path | None) -> str:
    """What is asked for: a `table`, a `check`, `one` decision, or "" for an export alone."""
    given = {key for key, value in one.items() if value not in (None, False)}
    if table is not None:
        if given - {"exercise"}:
            raise click.UsageError("--csv says everything itself: leave the other options out.")
        return "table"
    if export is not None and given <= {"exercise"}:
        return ""
    if ("student" in given) == ("check" in given):
        raise click.UsageError("Give either --student or --check.")
    if "exercise" not in given:
        raise click.UsageError("Missing option '--exercise'.")
    decides = given & {"points", "undo", "void"}
    if "check" in given:
        if len(decides) != 1 or "comment" in given:
            raise click.UsageError("Give one of --points, --void and --undo.")
    elif "void" in given:
        raise click.UsageError("--void is about a check of the whole class: give --check.")
    elif len(decides) == 2 or not decides | (given & {"comment"}):
        raise click.UsageError("Give either --points or --undo, or a --comment.")
    if decides and one["why"] is None:
        raise click.UsageError("Missing option '--why'.")
    return "check" if "check" in given else "one"


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

    def check(self, one: dict[str, Any]) -> None:
        """Another worth of a check, for the whole class."""
        from autograder.gradebook import CourseChange
        from autograder.report.numbers import points as shown

        points: float | None = one["points"]
        kind: Kind = "points" if points is not None else "void" if one["void"] else "undo"
        change = CourseChange(
            exercise=one["exercise"],
            check=one["check"],
            kind=kind,
            value="" if points is None else repr(points),
            who=self._who,
            why=one["why"],
            made=datetime.now(UTC),
        )
        changed, grades = self._book.change(self._name, change)
        words = {
            "points": f"is worth {shown(points or 0.0)} points",
            "void": "is void and counts for everybody",
            "undo": "counts as it was graded",
        }
        click.echo(
            f"{change.exercise}: {change.check} {words[kind]}; {changed} of {grades} grades "
            f"change. `moelab report --assignment {self._name} --diff` shows whose."
        )

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
