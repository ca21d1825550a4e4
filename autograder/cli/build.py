"""`moelab build`: write the student edition."""

from __future__ import annotations

from pathlib import Path

import click

from autograder.cli.common import (
    checkout,
    course_option,
    example,
    load_assignments,
    root_option,
    told,
)


@click.command(epilog=example("moelab build --check"))
@click.argument("assignments", metavar="[ASSIGNMENT]...", nargs=-1)
@click.option("--check", is_flag=True, help="Write nothing; exit 1 when something is out of date.")
@root_option
@course_option
def build(assignments: tuple[str, ...], *, check: bool, root: Path | None, course: str) -> int:
    """Write the student edition into assignments/, from the course.

    Without a name, all assignments are built.
    """
    loaded = load_assignments(assignments, course)
    from autograder.build.errors import BuildError
    from autograder.build.write import build as write

    with told(BuildError, OSError):
        sentences = write(loaded, root or checkout(), check=check)
    for sentence in sentences:
        click.echo(sentence)
    if not sentences:
        click.echo("Everything is up to date.")
    return 1 if check and sentences else 0
