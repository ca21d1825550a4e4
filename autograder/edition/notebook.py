"""The student notebook: prose, statements, stubs and public checks, all derived from the course."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from autograder.authoring.assignment import PROSE, Assignment, Prose
from autograder.authoring.exercise import Exercise
from autograder.edition.errors import BuildError
from autograder.edition.otter_tests import otter_test
from autograder.edition.prose import points_of, read_prose, statement_of
from autograder.edition.source import solution_source, stub_source
from moelab_kit import given_by

Cell = Any

_SETUP = """\
import otter
from {package} import {names}

grader = otter.Notebook(this_notebook("{file}"), tests_dir="")"""

_HAND_IN = """\
## Hand in

This lab is worth {points}. The next cell runs all checks once more. **Save the notebook** then, \
and run the cell below it: it runs the saved notebook from the top, as the grader does, and packs \
it into a zip file next to it, with a receipt of what passed and when. Hand in that file."""

_EXPORT = 'hand_in(grader, "{file}")'


@dataclass(frozen=True, slots=True, kw_only=True)
class Edition:
    """What differs with the place where a notebook is worked on: its first and its last cells.

    The first cell is `folded` where it is long: Colab and JupyterLab show its title alone.
    """

    setup: str
    hand_in: str
    export: str = ""
    folded: bool = False


def student_notebook(assignment: Assignment) -> str:
    """The notebook that students get, as JSON; the same bytes for the same course.

    Raises `BuildError` where the course cannot be turned into a student edition.
    """
    return write_notebook(assignment, stubs_of(assignment), _local(assignment))


def stubs_of(assignment: Assignment) -> dict[str, str]:
    """What students start from, by exercise name."""
    return {exercise.name: stub_source(exercise) for exercise in assignment.exercises}


def solved_notebook(assignment: Assignment, replacements: Mapping[str, str]) -> str:
    """The student notebook with code in place of the stubs, as JSON.

    `replacements` gives source by exercise name; every other exercise gets its reference solution.
    """
    names = {exercise.name for exercise in assignment.exercises}
    unknown = sorted(set(replacements) - names)
    if unknown:
        raise BuildError(f"{assignment.name} has no exercise {unknown[0]!r}")
    sources = {
        exercise.name: replacements[exercise.name]
        if exercise.name in replacements
        else solution_source(exercise, exercise.solution_function)
        for exercise in assignment.exercises
    }
    return write_notebook(assignment, sources, _local(assignment))


def notebook_file(assignment: Assignment) -> str:
    """The file name of the student notebook."""
    return f"{assignment.name}.ipynb"


def write_notebook(assignment: Assignment, sources: Mapping[str, str], edition: Edition) -> str:
    """A notebook with code by exercise name, as JSON."""
    notebook = new_notebook(
        cells=list(_cells(assignment, sources, edition)),
        metadata={
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
            "otter": {
                "OK_FORMAT": False,
                "assignment_name": assignment.name,
                "tests": {e.name: otter_test(e) for e in assignment.exercises},
            },
            "moelab": {"packages": ["moelab_kit", *assignment.packages]},
        },
    )
    notebook.nbformat_minor = 5
    nbformat.validate(notebook)
    return str(nbformat.writes(notebook, version=nbformat.NO_CONVERT)).rstrip("\n") + "\n"


def given_names(assignment: Assignment) -> tuple[str, tuple[str, ...]]:
    """The package that a notebook's first cell imports from, and the functions that it gives.

    Such a package passes on what `moelab_kit` has: `hand_in`, `this_notebook`.
    """
    for package in assignment.packages:
        if given := given_by(package):
            return package, tuple(given)
    return "moelab_kit", ()


def _local(assignment: Assignment) -> Edition:
    file, points = notebook_file(assignment), points_of(assignment.possible)
    home, given = given_names(assignment)
    names = sorted(("hand_in", "this_notebook", *given))
    return Edition(
        setup=_SETUP.format(file=file, package=home, names=", ".join(names)),
        hand_in=_HAND_IN.format(points=points),
        export=_EXPORT.format(file=file),
    )


def _cells(assignment: Assignment, sources: Mapping[str, str], edition: Edition) -> Iterator[Cell]:
    setup = _code("setup", edition.setup)
    if edition.folded:
        setup.metadata |= {"cellView": "form", "jupyter": {"source_hidden": True}}
    yield setup
    number = proses = 0
    for part in assignment.order:
        if isinstance(part, Exercise):
            number += 1
            yield _markdown(f"{part.name}-statement", statement_of(part, number))
            yield _code(f"{part.name}-code", sources[part.name])
            yield _code(f"{part.name}-check", f'grader.check("{part.name}")')
            continue
        proses += 1
        yield from _prose(assignment, part, proses)
    yield _markdown("hand-in", edition.hand_in)
    yield _code("check-all", _check_all(assignment))
    if edition.export:
        yield _code("export", edition.export)
    for part in assignment.closing:
        proses += 1
        yield from _prose(assignment, part, proses)


def _prose(assignment: Assignment, part: Prose, number: int) -> Iterator[Cell]:
    for place, piece in enumerate(read_prose(assignment.folder / PROSE / part.file), start=1):
        make = _code_of_prose if piece.kind == "code" else _markdown
        yield make(f"prose-{number}-{place}", piece.text)


def _check_all(assignment: Assignment) -> str:
    """All checks in the order of the notebook; `grader.check_all` takes the alphabet's."""
    names = "".join(f'    "{exercise.name}",\n' for exercise in assignment.exercises)
    return f"for exercise in (\n{names}):\n    display(grader.check(exercise))"


def _code(identity: str, source: str) -> Cell:
    return new_code_cell(source.strip("\n"), id=identity[:64])


def _code_of_prose(identity: str, source: str) -> Cell:
    """Code between the exercises; tagged so that “Run All” goes on while a stub still raises."""
    cell = _code(identity, source)
    cell.metadata["tags"] = ["raises-exception"]
    return cell


def _markdown(identity: str, source: str) -> Cell:
    return new_markdown_cell(source.strip("\n"), id=identity[:64])
