"""`moelab check`: a student's own public checks."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from autograder.cli.common import course_option, example, find_course, told

if TYPE_CHECKING:
    from autograder.own_checks import Checked


@click.command(
    epilog=example("moelab check assignments/moe_router_analysis/moe_router_analysis.ipynb")
)
@click.argument(
    "notebook",
    metavar="NOTEBOOK",
    type=click.Path(path_type=Path, exists=True, dir_okay=False, readable=True),
)
@click.option("--assignment", metavar="NAME", help="[default: what the notebook says]")
@course_option
def check(notebook: Path, assignment: str | None, course: str) -> int:
    """Run the public checks on your own notebook or script, offline.

    Your code runs as it is, on this machine: use it for your own work alone. Exits 1 while a check
    fails.
    """
    find_course()
    from autograder.grading.course import CourseError
    from autograder.own_checks import CannotCheck, check_own

    click.echo("running your cells", err=True)
    with told(CannotCheck, CourseError):
        checked = check_own(notebook, assignment or "", course)
    for note in checked.notes:
        click.echo(note, err=True)
    _print(checked)
    return 0 if checked.passed == len(checked.results) else 1


def _print(checked: Checked) -> None:
    from rich.padding import Padding
    from rich.text import Text

    from autograder.cli.output import wide_output

    out = wide_output()
    exercise = ""
    for result in checked.results:
        if result.exercise != exercise:
            exercise = result.exercise
            out.print(Text(exercise, style="bold"))
        sign = Text("  ✓ ", style="green") if result.passed else Text("  ✗ ", style="red")
        out.print(sign.append(result.title, style="default"))
        if result.message:
            out.print(Padding(Text(result.message), (0, 0, 0, 6), expand=False))
    total = len(checked.results)
    line = f"{checked.assignment}: {checked.passed} of {total} public checks pass."
    if checked.passed == total:
        line += " Hidden checks count too: they ask for what the text says, and no more."
    out.print(Text(line))
