"""`moelab explain`: why a student lost points, on the terminal, for the instructor alone."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from autograder.cli.common import course_option, example, find_course, told
from autograder.cli.report import chosen_assignment, people_of

if TYPE_CHECKING:
    from autograder.gradebook import Gradebook
    from autograder.report.explanation import Explanation


@click.command(
    epilog=example(
        "moelab demo",
        "moelab explain slips_everywhere --gradebook moelab-demo/gradebook.db",
    )
)
@click.argument("student", metavar="STUDENT")
@click.argument("exercise", metavar="[EXERCISE", required=False, default="")
@click.argument("check", metavar="[CHECK]]", required=False, default="")
@click.option(
    "--gradebook",
    metavar="URL",
    default="sqlite:///gradebook.db",
    show_default=True,
    help="Where the results are kept.",
)
@click.option("--rerun", is_flag=True, help="Run the checks once more, with prints and traceback.")
@click.option(
    "--submissions",
    type=click.Path(path_type=Path, exists=True),
    metavar="FOLDER",
    help="Where the student's file is, for --rerun.  [default: where it was graded]",
)
@click.option("--assignment", metavar="NAME", help="Which assignment, where there are several.")
@click.option(
    "--roster",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    metavar="CSV",
    help="Who takes the course: to call the student by name, address or number.",
)
@course_option
def explain(
    student: str,
    exercise: str,
    check: str,
    gradebook: str,
    submissions: Path | None,
    assignment: str | None,
    roster: Path | None,
    course: str | None,
    *,
    rerun: bool,
) -> None:
    """Show why a student lost points: for you, not for the student.

    For each check that did not pass: the call, what it gave and what was expected, what the
    exercise says, how the class did, and the student's code. With --rerun each of these checks is
    run once more in the sandbox, under the seed that the grade was made with, and what the
    student's function prints and raises is shown.
    """
    from autograder.cli.output import wide_output
    from autograder.gradebook import Gradebook, GradebookError
    from autograder.report.explanation import CannotExplain
    from autograder.report.explanation import explain as explained
    from autograder.report.explanation_terminal import explanation_text
    from autograder.report.lms.attendance import attendance, enrolled

    people = people_of(roster)
    with told(GradebookError, CannotExplain), Gradebook.open(gradebook, create=False) as book:
        name = chosen_assignment(book, gradebook, assignment)
        class_grades = book.latest(name)
        if people is not None:
            class_grades = enrolled(people, class_grades, attendance(people, class_grades))
        found = explained(class_grades, student, exercise, check)
        if rerun:
            found = _run_again(book, found, submissions, course)
    wide_output().print(explanation_text(found))


def _run_again(
    book: Gradebook, found: Explanation, submissions: Path | None, course: str | None
) -> Explanation:
    from autograder.authoring.course import CourseError
    from autograder.cli.grade import check_platform
    from autograder.explain import rerun
    from autograder.grading.again import CannotRunAgain
    from autograder.report.explanation import CannotExplain
    from autograder.sandbox.errors import SandboxError

    check_platform()
    attempts = {one.grade.submission: one for one in book.attempts(found.run.assignment)}
    attempt = attempts.get(found.grade.submission)
    if attempt is None:
        raise CannotExplain(f"{found.grade.student} handed in nothing that could be run")
    known = (submissions,) if submissions else tuple(map(Path, book.places(attempt.run_id)))
    with told(CourseError, SandboxError, CannotExplain, CannotRunAgain):
        hidden = () if book.file is None else (book.file,)
        return rerun(found, attempt, known, course=find_course(course, known), hidden=hidden)
