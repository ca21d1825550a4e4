"""What several commands share: errors, examples, types of options, the course and its folder."""

from __future__ import annotations

import math
import re
import traceback
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from autograder.authoring.assignment import Assignment

_UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12}
_BINARY_UNITS = {"k": 2**10, "m": 2**20, "g": 2**30, "t": 2**40}
_SIZE = re.compile(r"(\d{1,15}(?:\.\d{1,9})?)\s*([kmgt]?)(i?)b?", re.IGNORECASE)


class CannotStart(click.ClickException):
    """The command cannot do its work; the message is one or two sentences."""

    exit_code = 2


@contextmanager
def told(*errors: type[Exception]) -> Iterator[None]:
    """Turn errors that are written for people into the command's own."""
    try:
        yield
    except errors as error:
        text = str(error)
        raise CannotStart(text if text.endswith((".", "?")) else f"{text}.") from error


def size(text: str) -> int:
    """Read a size in bytes: `2GiB`, `500MB`, `1.5G` (powers of 1000 unless written with an i)."""
    matched = _SIZE.fullmatch(text.strip())
    number, unit, binary = matched.groups() if matched else ("0", "", "i")
    units = _BINARY_UNITS if binary else _UNITS
    if unit.lower() not in units:
        raise click.BadParameter(f"{text!r} is not a size. Write 2GiB, 500MB or 1.5G.")
    return int(float(number) * units[unit.lower()])


def seconds(text: str) -> float:
    """Read a time in seconds, above zero and finite."""
    try:
        found = float(text)
    except ValueError:
        found = math.nan
    if not 0 < found < math.inf:
        raise click.BadParameter(f"{text!r} is not a time. Write seconds, such as 20 or 0.5.")
    return found


def example(*lines: str) -> str:
    """A command's example, as the end of its help."""
    return "\b\nExample:\n" + "\n".join(f"  {line}" for line in lines)


def course_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """For course authors: which folder or package holds the assignments."""
    return click.option(
        "--course",
        metavar="FOLDER",
        help="The course: a folder, or a package.  [default: the course that pyproject.toml here "
        "names, else moelab's own]",
    )(command)


def root_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """For course authors: where the student edition lies."""
    return click.option(
        "--root",
        type=click.Path(path_type=Path, file_okay=False, exists=True),
        help="Folder that holds assignments/.  [default: the one that holds the course]",
    )(command)


def beside(course: str) -> Path:
    """The folder that holds `assignments/`: the course's own, unless that holds libraries."""
    from autograder.courses import folder_of, name_of

    folder = folder_of(course).resolve().parents[name_of(course).count(".")]
    return Path.cwd() if folder.name in ("site-packages", "dist-packages") else folder


def load_assignments(names: tuple[str, ...], course: str) -> list[Assignment]:
    """The named assignments of a course, or all of them; `CannotStart` where one is broken."""
    from autograder.authoring.course import CourseError, assignment_names, load_assignment

    try:
        found = [load_assignment(name, course) for name in names or assignment_names(course)]
    except CourseError as error:
        raise CannotStart(f"{error}.") from error
    except Exception as error:
        place = traceback.extract_tb(error.__traceback__)[-1]
        raise CannotStart(
            f"Importing the course {course!r} stopped at {place.filename}:{place.lineno} with "
            f"{type(error).__name__}: {error}. Repair it and try again."
        ) from error
    if not found:
        raise CannotStart(f"The course {course!r} has no assignments.")
    return found


def find_course(asked: str | None, submissions: Iterable[Path] = ()) -> str:
    """The course that is asked for, else that of the current folder, else the installed one.

    No course is taken from among `submissions`, the paths that a command reads.
    """
    from autograder.courses import CourseError, course_at, course_here

    with told(CourseError):
        return (
            course_here(submissions) if asked is None else course_at(asked, submissions=submissions)
        )


def me() -> str:
    """Who gives this command."""
    import getpass

    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):
        return "unknown"
