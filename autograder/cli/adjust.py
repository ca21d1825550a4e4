"""`moelab adjust`: points that a person sets, on top of what was graded."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from autograder.cli.common import example, told
from autograder.cli.report import chosen_assignment, people_of

if TYPE_CHECKING:
    from autograder.gradebook import CourseChange
    from autograder.gradebook.course_changes import Kind


@click.command(
    epilog=example(
        "moelab demo",
        "moelab adjust moelab-demo/gradebook.db --student right_script "
        "--exercise find_router_layers --points 5 --why 'shown in class'",
    )
)
@click.argument("gradebook", metavar="GRADEBOOK")
@click.option("--student", metavar="NAME", help="Whose grade, as reports name them.")
@click.option("--exercise", required=True, metavar="NAME", help="The exercise.")
@click.option("--check", metavar="NAME", help="Instead of --student: a check, for the whole class.")
@click.option(
    "--points",
    type=float,
    help="The student's points for the exercise, or what the check is worth: 0 retires it.",
)
@click.option("--void", is_flag=True, help="Give everybody the points of --check.")
@click.option("--undo", is_flag=True, help="Let the points count again as they were graded.")
@click.option("--why", required=True, metavar="TEXT", help="The reason; students see it.")
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
    student: str | None,
    exercise: str,
    check: str | None,
    points: float | None,
    why: str,
    who: str | None,
    assignment: str | None,
    roster: Path | None,
    *,
    void: bool,
    undo: bool,
) -> None:
    """Set points by hand, of a student or of a check.

    What was graded stays in the gradebook; who decided, when and why is added to it. The points
    hold until that student hands in another file, also when the class is graded again. With
    --roster the student may also have handed in nothing, or be one member of a team.

    With --check in place of --student nothing is graded again either: --points 0 retires a check
    that was unfair, --void gives everybody its points, and `moelab report --diff` shows whose grade
    changes.
    """
    from autograder.gradebook import Adjustment, CourseChange, Gradebook, GradebookError
    from autograder.report.files import ReportError
    from autograder.report.lms.attendance import whose
    from autograder.report.numbers import points as shown

    if (student is None) == (check is None):
        raise click.UsageError("Give either --student or --check.")
    if check is None and (void or undo == (points is not None)):
        raise click.UsageError("Give either --points or --undo.")
    if [undo, points is not None, void].count(True) != 1:
        raise click.UsageError("Give one of --points, --void and --undo.")
    if check is not None:
        value = "" if points is None else repr(points)
        kind: Kind = "points" if points is not None else "void" if void else "undo"
        change = CourseChange(
            exercise=exercise,
            check=check,
            kind=kind,
            value=value,
            who=who or _me(),
            why=why,
            made=datetime.now(UTC),
        )
        _change(gradebook, assignment, change)
        return
    assert student is not None
    decision = Adjustment(
        exercise=exercise, points=points, who=who or _me(), why=why, made=datetime.now(UTC)
    )
    people = people_of(roster)
    with told(GradebookError, ReportError), Gradebook.open(gradebook, create=False) as book:
        name = chosen_assignment(book, gradebook, assignment)
        meant = whose(people, book.latest(name), student) if people is not None else None
        if meant is None:
            before, after = book.adjust(name, student, decision)
        elif meant.is_of_a_team:
            before, after = book.adjust_member(name, meant.grade, decision)
        elif meant.grade.submission:
            before, after = book.adjust(name, meant.grade.submission, decision)
        else:
            before, after = book.adjust(name, meant.grade.student, decision, meant.grade)
    old, new = (
        next(one for one in grade.exercises if one.name == exercise) for grade in (before, after)
    )
    click.echo(
        f"{before.student}, {exercise}: {shown(old.score)} → {shown(new.score)} of "
        f"{shown(new.possible)} points; in all {shown(before.score)} → {shown(after.score)} of "
        f"{shown(after.possible)}."
    )


def _change(gradebook: str, assignment: str | None, change: CourseChange) -> None:
    """Keep a change of a check, and say whose grades it changes."""
    from autograder.gradebook import Gradebook, GradebookError

    with told(GradebookError), Gradebook.open(gradebook, create=False) as book:
        name = chosen_assignment(book, gradebook, assignment)
        changed, grades = book.change(name, change)
    words = {
        "points": f"is worth {float(change.value or 0):g} points",
        "void": "counts for everybody",
        "undo": "counts as it was graded",
    }
    click.echo(
        f"{change.exercise}: {change.check} {words[change.kind]}; {changed} of {grades} grades "
        f"change. `moelab report {gradebook} --assignment {name} --diff` shows whose."
    )


def _me() -> str:
    import getpass

    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):
        return "unknown"
