"""`moelab verify`: prove the assignments themselves."""

from __future__ import annotations

import os
from pathlib import Path

import click

from autograder.cli.common import (
    beside,
    course_option,
    example,
    find_course,
    load_assignments,
    root_option,
)


@click.command(
    short_help="Prove the assignments themselves.",
    epilog=example("moelab verify moe_router_analysis"),
)
@click.argument("assignments", metavar="[ASSIGNMENT]...", nargs=-1)
@root_option
@course_option
def verify(assignments: tuple[str, ...], root: Path | None, course: str | None) -> int:
    """Prove that right solutions earn every point and wrong ones lose theirs.

    Without a name, all assignments are verified. Exits 1 when something is wrong, and says what to
    do about it.
    """
    found = find_course(course)
    loaded = load_assignments(assignments, found)
    click.echo(_which(found), err=True)
    from autograder.cli.output import wide_output
    from autograder.cli.progress import Progress
    from autograder.verify.matrix import matrix
    from autograder.verify.prove import verify as prove

    with Progress() as progress:
        reports = [
            prove(
                assignment,
                root or beside(found),
                progress.say,
                course=found,
                jobs=os.cpu_count() or 1,
            )
            for assignment in loaded
        ]
    wide_output().print(matrix(reports))
    return 0 if all(report.ok for report in reports) else 1


def _which(course: str) -> str:
    """Which course is proved, and how to choose another one that lies here."""
    from autograder.courses import folder_of, name_of, root_of

    said = f"proving the course {folder_of(course)}"
    here = Path.cwd() / name_of(course)
    if root_of(course) is None and (here / "__init__.py").is_file() and here != folder_of(course):
        said += f" (the installed one; --course {Path('.', here.name)}{os.sep} proves the one here)"
    return said
