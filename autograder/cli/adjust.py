"""`moelab adjust`: points that a person sets, on top of what was graded."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click

from autograder.cli.common import example, me, told
from autograder.cli.report import chosen_assignment, people_of


@click.command(
    epilog=example(
        "moelab demo",
        "moelab adjust moelab-demo/gradebook.db --student right_script "
        "--exercise find_router_layers --points 5 --why 'shown in class'",
    )
)
@click.argument("gradebook", metavar="GRADEBOOK")
@click.option("--student", required=True, metavar="NAME", help="Whose grade, as reports name them.")
@click.option("--exercise", required=True, metavar="NAME", help="The exercise.")
@click.option("--points", type=float, help="Its points from now on, in place of the checks' sum.")
@click.option("--undo", is_flag=True, help="Let the checks' points count again.")
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
    student: str,
    exercise: str,
    points: float | None,
    why: str,
    who: str | None,
    assignment: str | None,
    roster: Path | None,
    *,
    undo: bool,
) -> None:
    """Set the points of one exercise of one student by hand.

    What was graded stays in the gradebook; who decided, when and why is added to it. The points
    hold until that student hands in another file, also when the class is graded again. With
    --roster the student may also have handed in nothing, or be one member of a team.
    """
    from autograder.gradebook import Adjustment, Gradebook, GradebookError
    from autograder.report.files import ReportError
    from autograder.report.lms.attendance import whose
    from autograder.report.numbers import points as shown

    if undo == (points is not None):
        raise click.UsageError("Give either --points or --undo.")
    decision = Adjustment(
        exercise=exercise, points=points, who=who or me(), why=why, made=datetime.now(UTC)
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
