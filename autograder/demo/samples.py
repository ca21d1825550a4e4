"""The submissions of the demo, made from an assignment's references, wheats, chaffs and stubs."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from string import Template
from typing import Any

from autograder.authoring.assignment import Assignment
from autograder.authoring.exercise import Chaff, Exercise
from autograder.edition.notebook import solved_notebook, student_notebook
from autograder.edition.source import script, solution_source, stub_source

SINGLE_SLIPS = 4  # submissions with one known-wrong answer each
_MAGICS = (
    "%matplotlib inline\n!pip install --quiet torch transformers",
    "%%time\ntotal = sum(range(1_000))\ntotal",
    "import this_package_does_not_exist_here",
)


Notebook = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Sample:
    """One file to hand in; `about` says what it shows."""

    name: str
    data: bytes
    about: str


def samples(assignment: Assignment) -> list[Sample]:
    """All submissions of the demo, by name."""
    right = json.loads(solved_notebook(assignment, {}))
    blank = json.loads(student_notebook(assignment))
    made = [*_right(assignment, right), *_incomplete(assignment, right, blank)]
    made += [*_wrong(assignment, right), *_misbehaving(assignment, right, blank)]
    made += [*_unreadable(blank)]
    return sorted(made, key=lambda sample: sample.name)


def _right(assignment: Assignment, right: Notebook) -> Iterator[Sample]:
    yield _notebook("right_reference", right, "the reference solution")
    for place, word in enumerate(("another", "a_third")):
        wheats = {
            exercise.name: solution_source(exercise, exercise.wheats[place].function)
            for exercise in assignment.exercises
            if place < len(exercise.wheats)
        }
        about = f"right answers in {word.replace('_', ' ')} style"
        yield _notebook(f"right_{word}_style", _with_answers(right, wheats), about)
    sources = [solution_source(one, one.solution_function) for one in assignment.exercises]
    yield Sample("right_script.py", script(sources).encode(), "right answers as a Python script")
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(zipfile.ZipInfo("lab.ipynb"), _as_bytes(right))
        archive.writestr(zipfile.ZipInfo("__zip_filename__"), "right_export.zip")
    yield Sample("right_export.zip", packed.getvalue(), "right answers, as Otter exports them")
    magics = _with_cells(right, first=_MAGICS)
    yield _notebook("right_with_magics", magics, "right answers among magics and a failed import")


def _incomplete(assignment: Assignment, right: Notebook, blank: Notebook) -> Iterator[Sample]:
    yield _notebook("blank", blank, "the notebook as students get it")
    rest = assignment.exercises[len(assignment.exercises) // 2 :]
    half = _with_answers(right, {exercise.name: stub_source(exercise) for exercise in rest})
    yield _notebook("half_done", half, "right answers to the first half")


def _wrong(assignment: Assignment, right: Notebook) -> Iterator[Sample]:
    spread = _spread(assignment.exercises, SINGLE_SLIPS)
    for number, (exercise, chaff) in enumerate(spread, start=1):
        answers = {exercise.name: solution_source(exercise, chaff.function)}
        about = f"one slip, in {exercise.name}: {' '.join(chaff.hint.split())}"
        yield _notebook(f"slip_{number}_{chaff.name}", _with_answers(right, answers), about)
    slips = {
        exercise.name: solution_source(exercise, exercise.chaffs[0].function)
        for exercise in assignment.exercises
        if exercise.chaffs
    }
    yield _notebook("slips_everywhere", _with_answers(right, slips), "a slip in every answer")


def _spread(exercises: Sequence[Exercise], number: int) -> Iterator[tuple[Exercise, Chaff]]:
    """Chaffs of exercises from all over the assignment, as different as possible."""
    turn = [
        (exercise, exercise.chaffs[place])
        for place in range(max((len(exercise.chaffs) for exercise in exercises), default=0))
        for exercise in exercises
        if place < len(exercise.chaffs)
    ]
    first_round = [pair for pair in turn if pair[1] is pair[0].chaffs[0]]
    if len(first_round) <= number:
        yield from turn[:number]
        return
    for place in range(number):
        yield first_round[place * len(first_round) // number]


def _misbehaving(assignment: Assignment, right: Notebook, blank: Notebook) -> Iterator[Sample]:
    answers = {"right": right, "blank": blank}
    names = [exercise.name for exercise in assignment.exercises]
    values = {"function": names[len(names) // 2], "names": repr(names)}
    for file in sorted(files("autograder.demo.hostile").iterdir(), key=lambda file: file.name):
        stem, _, ending = file.name.partition(".")
        if ending != "txt":
            continue
        head, code = _split(file.read_text(encoding="utf-8"))
        place = {head["place"]: (Template(code).substitute(values),)}
        yield _notebook(stem, _with_cells(answers[head["answers"]], **place), head["about"])


def _unreadable(blank: Notebook) -> Iterator[Sample]:
    whole = _as_bytes(blank)
    yield Sample("torn.ipynb", whole[: len(whole) // 2], "half a file: the upload broke off")
    page = b"<!doctype html><title>Sign in</title><p>Please sign in to download this file."
    yield Sample("web_page.ipynb", page, "a web page under a notebook's name")


def _notebook(stem: str, notebook: Notebook, about: str) -> Sample:
    return Sample(f"{stem}.ipynb", _as_bytes(notebook), about)


def _as_bytes(notebook: Notebook) -> bytes:
    return json.dumps(notebook, indent=1, ensure_ascii=False).encode()


def _split(text: str) -> tuple[Mapping[str, str], str]:
    """The first lines of a cell's file as a mapping, and its code."""
    lines = text.splitlines()
    head = dict(line.removeprefix("# ").split(": ", 1) for line in lines[:3])
    return head, "\n".join(lines[3:])


def _with_answers(notebook: Notebook, answers: Mapping[str, str]) -> Notebook:
    """A notebook with other code in the cells that answer these exercises."""
    by_cell = {f"{name}-code"[:64]: source for name, source in answers.items()}
    cells = [
        {**cell, "source": by_cell.get(cell["id"], cell["source"])} for cell in notebook["cells"]
    ]
    return {**notebook, "cells": cells}


def _with_cells(
    notebook: Notebook, first: Sequence[str] = (), last: Sequence[str] = ()
) -> Notebook:
    """A notebook with more code cells, at its start (after its set-up cell) or at its end."""
    cells = notebook["cells"]
    more = [*cells[:1], *map(_cell, first), *cells[1:], *map(_cell, last)]
    return {**notebook, "cells": more}


def _cell(source: str) -> dict[str, object]:
    return {
        "cell_type": "code",
        "execution_count": None,
        "metadata": {},
        "outputs": [],
        "source": source,
    }
