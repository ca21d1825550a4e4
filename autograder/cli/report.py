"""`moelab report`: reports from a gradebook, without grading again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from autograder.cli.common import CannotStart, example, told

if TYPE_CHECKING:
    from autograder.gradebook import Gradebook
    from autograder.records import ClassGrades

_FILE = click.Path(path_type=Path, dir_okay=False)
_FOLDER = click.Path(path_type=Path, file_okay=False)


def output_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options that name what else is written."""
    for option in (
        click.option("--gradescope", type=_FILE, help="Write Gradescope's results.json."),
        click.option(
            "--html", type=_FOLDER, metavar="DIR", help="Write a page for people to DIR/index.html."
        ),
        click.option(
            "--feedback", type=_FOLDER, metavar="DIR", help="Write a page for each student to DIR."
        ),
        click.option("--csv", type=_FILE, help="Write a table, one row per submission."),
        click.option("--json", type=_FILE, help="Write everything that is known, for programs."),
    ):
        command = option(command)
    return command


@click.command(
    epilog=example(
        "moelab demo", "moelab report moelab-demo/gradebook.db --html report --feedback feedback"
    )
)
@click.argument("gradebook", metavar="GRADEBOOK")
@click.option("--assignment", metavar="NAME", help="Which assignment, where there are several.")
@output_options
def report(gradebook: str, assignment: str | None, **outputs: Path | None) -> None:
    """Report what was graded, without grading again.

    GRADEBOOK is a file or a URL. The newest grade of each submission counts.
    """
    from autograder.gradebook import Gradebook, GradebookError

    check_outputs(outputs)
    with told(GradebookError), Gradebook.open(gradebook, create=False) as book:
        class_grades = book.latest(assignment or _only_assignment(book, gradebook))
    write_outputs(class_grades, outputs)
    print_summary(class_grades)


def check_outputs(outputs: dict[str, Path | None]) -> None:
    """Make sure, before any work, that everything can be written; makes the pages' folders."""
    from autograder.report.files import ReportError, check_writable, make_folder

    with told(ReportError):
        for kind, path in outputs.items():
            if path is not None:
                (make_folder if kind in ("html", "feedback") else check_writable)(path)


def write_outputs(class_grades: ClassGrades, outputs: dict[str, Path | None]) -> None:
    """Write the files that were asked for, and say on standard error where they are."""
    from autograder.report.files import ReportError, write_text
    from autograder.report.grade_file import grade_file
    from autograder.report.gradescope import gradescope_results
    from autograder.report.table import table

    writers = {"json": grade_file, "csv": table, "gradescope": gradescope_results}
    with told(ReportError):
        for kind, path in outputs.items():
            if path is None:
                continue
            if kind == "html":
                from autograder.report.html import write_html

                path = write_html(class_grades, path)
            elif kind == "feedback":
                from autograder.report.feedback_files import write_feedback

                path = write_feedback(class_grades, path)
            else:
                write_text(path, writers[kind](class_grades))
            click.echo(f"wrote {path}", err=True)


def print_summary(class_grades: ClassGrades) -> None:
    """Print the table of grades on standard output."""
    from autograder.cli.output import output
    from autograder.report.terminal import summary

    output().print(summary(class_grades))


def _only_assignment(book: Gradebook, gradebook: str) -> str:
    names = book.assignments()
    if len(names) == 1:
        return names[0]
    if not names:
        raise CannotStart(f"{gradebook} holds no grades yet: `moelab grade` puts them there.")
    raise CannotStart(
        f"{gradebook} holds grades of {', '.join(names)}: choose one with --assignment NAME."
    )
