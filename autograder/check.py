"""The public checks on one's own notebook or script, run in this process.

Only for one's own work: nothing is isolated here. Strangers' files go to the sandbox.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from autograder.authoring.assignment import Assignment
from autograder.authoring.course import assignment_names, load_assignment
from autograder.authoring.fixture import wanted_by
from autograder.courses import packages_of
from autograder.notebook.reading import Source, Unreadable, read_submission
from autograder.notebook.workspace import Workspace
from autograder.text import clean_line, clean_text
from moelab_kit import given_by
from moelab_kit.check import PublicResult
from moelab_kit.law import run_law


class CannotCheck(Exception):  # noqa: N818
    """The file cannot be read, or does not tell its assignment; one sentence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """All public checks of an assignment, in order, and what happened before them."""

    assignment: str
    results: tuple[PublicResult, ...]
    notes: tuple[str, ...]

    @property
    def passed(self) -> int:
        """How many checks passed."""
        return sum(result.passed for result in self.results)


def check_own(path: Path, assignment: str, course: str) -> Checked:
    """Run a file's cells in its folder, then the public checks of its assignment.

    An empty `assignment` is taken from the notebook's metadata, else from the functions that the
    file defines. What the cells print goes to standard error. Raises `CannotCheck`, and
    `CourseError` for an assignment that the course does not have.
    """
    source = _read(path)
    loaded = _load(assignment or source.assignment, course)
    packages = packages_of(course) if loaded is None else loaded.packages
    given = {name: one for package in packages for name, one in given_by(package).items()}
    with contextlib.redirect_stdout(sys.stderr), Workspace(given, packages) as workspace:
        os.chdir(path.resolve().parent)
        notes = [*source.warnings, *_run(source, workspace)]
        chosen = loaded or _by_functions(workspace, course)
        results = tuple(_results(chosen, workspace))
        notes += workspace.notes
    return Checked(
        assignment=chosen.name,
        results=results,
        notes=tuple(clean_line(note, 500) for note in notes),
    )


def _read(path: Path) -> Source:
    try:
        return read_submission(path.read_bytes(), path.name)
    except Unreadable as problem:
        raise CannotCheck(f"{path}: {problem}") from problem
    except OSError as error:
        raise CannotCheck(f"{path} cannot be read: {error.strerror or error}") from error


def _load(name: str, course: str) -> Assignment | None:
    return load_assignment(name, course) if name else None


def _by_functions(workspace: Workspace, course: str) -> Assignment:
    """The assignment of which the file defines the most functions."""
    found: dict[str, int] = {}
    for name in assignment_names(course):
        exercises = load_assignment(name, course).exercises
        found[name] = sum(callable(workspace.function(e.name)) for e in exercises)
    best = [name for name, count in found.items() if count and count == max(found.values())]
    if len(best) != 1:
        raise CannotCheck(
            f"the file does not say which assignment it is: give --assignment {'|'.join(found)}"
        )
    return load_assignment(best[0], course)


def _run(source: Source, workspace: Workspace) -> Iterator[str]:
    """Run every cell; yield a sentence for each that raised."""
    for number, cell in enumerate(source.cells, start=1):
        error = workspace.run_cell(cell, source.kind)
        if error is None:
            continue
        if error.type_name == "KeyboardInterrupt":
            raise KeyboardInterrupt
        where = f"code cell {number}" if source.kind == "notebook" else "the script"
        line = f", line {error.line}" if error.line else ""
        yield f"{where}{line} raised {error.type_name}: {error.message}"


def _results(assignment: Assignment, workspace: Workspace) -> Iterator[PublicResult]:
    workspace.give_helpers_back([exercise.name for exercise in assignment.exercises])
    for exercise in assignment.exercises:
        function = workspace.function(exercise.name)
        for check in exercise.checks:
            if check.hidden:
                continue
            message = ""
            try:
                wanted = wanted_by(check.function, exercise)
                run_law(check.function, exercise.name, function, fixtures=wanted)
            except AssertionError as wrong:
                message = clean_text(str(wrong)) or check.title
            yield PublicResult(exercise.name, check.title, message)
