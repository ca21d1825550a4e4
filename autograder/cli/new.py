"""`moelab new`: the first files of a course, and of an exercise."""

from __future__ import annotations

from pathlib import Path

import click

from autograder.cli.common import course_option, example, find_course, told


@click.group(
    short_help="Start a course or an exercise.",
    epilog=example("moelab new course my_course", "moelab new exercise my_exercise"),
)
def new() -> None:
    """Write the first files of a course, or of an exercise.

    Nothing that is there already is overwritten.
    """


@new.command(epilog=example("moelab new course attention"))
@click.argument("folder", metavar="NAME", type=click.Path(path_type=Path))
def course(folder: Path) -> int:
    """Make a course of your own, with an exercise that works.

    NAME is the folder to make, a git repository. Its last part becomes the name of the course.
    """
    from autograder.edition.errors import BuildError
    from autograder.new.course import new_course
    from autograder.new.writing import CannotMake

    with told(CannotMake, BuildError, OSError):
        sentences = new_course(folder)
    for sentence in sentences:
        click.echo(sentence)
    click.echo(f"Next: cd {folder} && moelab verify. Its README.md says what is where.")
    return 0


@new.command(epilog=example("moelab new exercise my_exercise --assignment first_lab"))
@click.argument("name")
@click.option(
    "--assignment", metavar="NAME", default="", help="[default: the only one of the course]"
)
@course_option
def exercise(name: str, assignment: str, course: str | None) -> int:
    """Add an exercise to a lab, with TODO where you have to think.

    It is the last in the order of its lab until you move it.
    """
    found = find_course(course)
    from autograder.courses import CourseError
    from autograder.new.exercise import new_exercise
    from autograder.new.writing import CannotMake

    with told(CannotMake, CourseError, OSError):
        sentences = new_exercise(name, found, assignment)
    for sentence in sentences:
        click.echo(sentence)
    return 0
