"""`moelab review`: go through answers in a browser, on this machine alone."""

from __future__ import annotations

import secrets
from pathlib import Path

import click

from autograder.cli.common import CannotStart, example, me, told
from autograder.cli.report import chosen_assignment, people_of


@click.command(epilog=example("moelab demo", "moelab review moelab-demo/gradebook.db"))
@click.argument("gradebook", metavar="GRADEBOOK")
@click.option("--assignment", metavar="NAME", help="Which assignment, where there are several.")
@click.option(
    "--roster",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    metavar="CSV",
    help="Who takes the course: students go by its names.",
)
@click.option("--who", metavar="NAME", help="Who looks, unless the page is told.  [default: you]")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=0,
    metavar="N",
    help="Where the page is served.  [default: any free port]",
)
def review(
    gradebook: str, assignment: str | None, roster: Path | None, who: str | None, port: int
) -> None:
    """Go through answers in a browser: rubric, comments, points.

    The page is served on this machine alone, to whoever has the address that is printed. Several
    people may use it at once, in one browser each: every click is a row in the gradebook.
    """
    try:
        from autograder.review.app import Room
        from autograder.review.serve import serve
    except ModuleNotFoundError as error:
        raise CannotStart(
            f"`moelab review` needs {error.name}: pip install 'moelab[review]'."
        ) from error
    from autograder.gradebook import Gradebook, GradebookError
    from autograder.report.lms.attendance import attendance, enrolled

    people = people_of(roster)
    with told(GradebookError), Gradebook.open(gradebook, create=False) as book:
        name = chosen_assignment(book, gradebook, assignment)
        class_grades = book.latest(name)
        if people is not None:
            class_grades = enrolled(people, class_grades, attendance(people, class_grades))
        room = Room(
            book=book,
            assignment=name,
            token=secrets.token_urlsafe(24),
            who=who or me(),
            names={grade.submission: grade.student for grade in class_grades.grades},
        )
        serve(room, port, lambda address: click.echo(f"{address}\nCtrl-C ends it.", err=True))
