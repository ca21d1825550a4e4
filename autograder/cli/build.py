"""`moelab build`: write the student edition and the autograder packages."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from autograder.cli.common import (
    beside,
    course_option,
    example,
    find_course,
    load_assignments,
    root_option,
    told,
)
from autograder.cli.limits import as_arguments, limit_options

if TYPE_CHECKING:
    from autograder.authoring.assignment import Assignment


@click.command(epilog=example("moelab build --check"))
@click.argument("assignments", metavar="[ASSIGNMENT]...", nargs=-1)
@click.option("--check", is_flag=True, help="Write nothing; exit 1 when something is out of date.")
@limit_options
@root_option
@course_option
def build(
    assignments: tuple[str, ...],
    *,
    check: bool,
    root: Path | None,
    course: str | None,
    **limits: Any,
) -> int:
    """Write the student edition and the autograder packages.

    Without a name, all assignments are built. The packages are for `otter run` and Gradescope, and
    grade within the limits given here. They are not committed, so --check does not look for them.
    """
    found = find_course(course)
    loaded = load_assignments(assignments, found)
    from autograder.edition.errors import BuildError
    from autograder.edition.pins import check_pins
    from autograder.edition.write import build as write

    place = root or beside(found)
    with told(BuildError, OSError):
        if not check:
            check_pins()  # before anything is written
        sentences = write(loaded, place, check=check)
        if not check:
            sentences += _packages(loaded, place, found, as_arguments(**limits))
    for sentence in sentences:
        click.echo(sentence)
    if not sentences:
        click.echo("Everything is up to date.")
    return 1 if check and sentences else 0


def _packages(
    loaded: list[Assignment], root: Path, course: str, options: tuple[str, ...]
) -> list[str]:
    click.echo("making the autograder packages", err=True)
    from autograder.otter.engine import Order
    from autograder.otter.package.contents import build_package

    return [
        sentence
        for assignment in loaded
        for sentence in build_package(
            assignment, root, Order(assignment=assignment.name, course=course, options=options)
        )
    ]
