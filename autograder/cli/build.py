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
    """Write the student edition, and pack it and the autograder.

    Without a name, all assignments are built. dist/LAB/student.zip is what students get; the
    package autograder.zip beside it is for `otter run` and Gradescope, and grades within the limits
    given here. Neither is committed, so --check does not look for them.
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
    click.echo("packing the labs for students and the autograder packages", err=True)
    from autograder.edition.student_zip import build_student_zip
    from autograder.otter.engine import Order
    from autograder.otter.package.contents import build_package

    told: list[str] = []
    for assignment in loaded:
        order = Order(assignment=assignment.name, course=course, options=options)
        told += build_package(assignment, root, order)  # proves the reference first
        told += build_student_zip(assignment, root)
    return told
