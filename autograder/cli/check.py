"""`moelab check`: a student's own public checks, and the receipt of what was handed in."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from autograder.cli.common import CannotStart, course_option, example, find_course, told

if TYPE_CHECKING:
    from autograder.check import Checked

_FILE = click.Path(path_type=Path, dir_okay=False)


@click.command(
    epilog=example("moelab check assignments/moe_router_analysis/moe_router_analysis.ipynb")
)
@click.argument(
    "notebook",
    metavar="NOTEBOOK",
    type=click.Path(path_type=Path, exists=True, dir_okay=False, readable=True),
)
@click.option("--assignment", metavar="NAME", help="[default: what the notebook says]")
@click.option("--json", type=_FILE, metavar="FILE", help="Write the results, for programs.")
@click.option("--summary", type=_FILE, metavar="FILE", help="Append a table in Markdown.")
@course_option
def check(
    notebook: Path,
    assignment: str | None,
    json: Path | None,
    summary: Path | None,
    course: str | None,
) -> int:
    """Run the public checks on your own notebook or script, offline.

    Your code runs as it is, on this machine: use it for your own work alone. Exits 1 while a check
    fails.

    Of a zip that the notebook's last cell packed, nothing is run: its receipt is printed, and
    compared with the notebook in it. Exits 1 when they do not belong together.
    """
    if notebook.suffix.lower() == ".zip":
        return _receipt(notebook, find_course(course, [notebook, notebook.resolve().parent]))
    found = find_course(course, [notebook])
    from autograder.authoring.course import CourseError
    from autograder.check import CannotCheck, check_own
    from autograder.report.files import ReportError, check_writable, write_text
    from moelab_kit.check import results_as_json, results_as_markdown

    with told(ReportError):
        for path in filter(None, (json, summary)):
            check_writable(path)
    click.echo("running your cells", err=True)
    with told(CannotCheck, CourseError):
        checked = check_own(notebook, assignment or "", found)
    for note in checked.notes:
        click.echo(note, err=True)
    _print(checked)
    with told(ReportError, OSError):
        if json:
            write_text(json, results_as_json(checked.assignment, checked.results))
        if summary:
            with summary.open("a", encoding="utf-8") as page:
                page.write(results_as_markdown(checked.assignment, checked.results))
    return 0 if checked.passed == len(checked.results) else 1


def _receipt(archive: Path, course: str) -> int:
    """Print the receipt in an archive; 1 where it and the notebook do not belong together."""
    from autograder.receipt import NoReceipt, read_handed_in, summary_lines

    try:
        handed_in = read_handed_in(archive, course)
    except NoReceipt as problem:
        raise CannotStart(f"{archive}: {problem}.") from problem
    for line in (*summary_lines(handed_in), "", *handed_in.remarks, *handed_in.problems):
        click.echo(line)
    if handed_in.problems:
        return 1
    click.echo(
        "Receipt and notebook belong together. That is evidence, not proof: the receipt was made "
        "on the student's machine, and only `moelab grade` runs the checks again."
    )
    return 0


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
