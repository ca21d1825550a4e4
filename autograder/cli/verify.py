"""`moelab verify`: prove the assignments themselves."""

from __future__ import annotations

import os
from pathlib import Path

import click

from autograder.cli.common import (
    checkout,
    course_option,
    example,
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
def verify(assignments: tuple[str, ...], root: Path | None, course: str) -> int:
    """Prove that right solutions earn every point and wrong ones lose theirs.

    Without a name, all assignments are verified. Exits 1 when something is wrong, and says what to
    do about it.
    """
    loaded = load_assignments(assignments, course)
    from autograder.cli.output import wide_output
    from autograder.cli.progress import Progress
    from autograder.verify.matrix import matrix
    from autograder.verify.prove import verify as prove

    with Progress() as progress:
        reports = [
            prove(assignment, root or checkout(), progress.say, jobs=os.cpu_count() or 1)
            for assignment in loaded
        ]
    wide_output().print(matrix(reports))
    return 0 if all(report.ok for report in reports) else 1
