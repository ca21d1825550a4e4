"""`moelab demo`: a class to try everything with."""

from __future__ import annotations

from pathlib import Path

import click

from autograder.cli.common import course_option, example, find_course, told
from autograder.cli.grade import check_platform
from autograder.doctor import cores


@click.command(epilog=example("moelab demo --out moelab-demo"))
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("moelab-demo"),
    show_default=True,
    help="Folder for submissions, gradebook and reports.",
)
@course_option
def demo(out: Path, course: str | None) -> int:
    """Make a small class of submissions, grade it and show reports.

    Some answers are right, some wrong, some blank, and some attack the grader. Works offline and
    takes about a minute.
    """
    check_platform()
    found = find_course(course)
    from autograder.authoring.course import CourseError
    from autograder.cli.output import output
    from autograder.cli.progress import grading_progress
    from autograder.demo import CannotDemonstrate, demonstrate
    from autograder.gradebook import GradebookError
    from autograder.report.files import ReportError
    from autograder.report.terminal import summary
    from autograder.sandbox.errors import SandboxError

    gradebook = out / "gradebook.db"
    with (
        told(CannotDemonstrate, CourseError, GradebookError, ReportError, SandboxError),
        grading_progress(str(gradebook)) as watch,
    ):
        shown = demonstrate(out, cores(), watch, course=found)
    output().print(summary(shown.class_grades))
    click.echo(f"The whole report is a page: {shown.page.resolve()}")
    click.echo(f"What was handed in: {out / 'submissions'}. What each is: {shown.guide}")
    return 0
