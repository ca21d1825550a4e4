"""The submissions of the demo, made from an assignment's references, wheats, chaffs and stubs."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from string import Template

from autograder.authoring.assignment import Assignment
from autograder.authoring.exercise import Chaff, Exercise
from autograder.build.notebook import solved_notebook, student_notebook
from autograder.build.source import script, solution_source, stub_source

SINGLE_SLIPS = 5  # submissions with one known-wrong answer each
_MAGICS = (
    "%matplotlib inline\n!pip install --quiet torch transformers",
    "%%time\ntotal = sum(range(1_000))\ntotal",
    "import this_package_does_not_exist_here",
)


@dataclass(frozen=True, slots=True)
class Sample:
    """One file to hand in; `about` says what it shows."""

    name: str
    data: bytes
    about: str


def samples(assignment: Assignment) -> list[Sample]:
    """All submissions of the demo, by name."""
    made = [*_right(assignment), *_incomplete(assignment), *_wrong(assignment)]
    made += [*_misbehaving(assignment), *_unreadable(assignment)]
    return sorted(made, key=lambda sample: sample.name)


def _right(assignment: Assignment) -> Iterator[Sample]:
    reference = solved_notebook(assignment, {})
    yield _notebook("right_reference", reference, "the reference solution")
    for place, word in enumerate(("another", "a_third")):
        wheats = {
            exercise.name: solution_source(exercise, exercise.wheats[place].function)
            for exercise in assignment.exercises
            if place < len(exercise.wheats)
        }
        about = f"right answers in {word.replace('_', ' ')} style"
        yield _notebook(f"right_{word}_style", solved_notebook(assignment, wheats), about)
    sources = [solution_source(one, one.solution_function) for one in assignment.exercises]
    yield Sample("right_script.py", script(sources).encode(), "right answers as a Python script")
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in (("lab.ipynb", reference), ("__zip_filename__", "right_export.zip")):
            archive.writestr(zipfile.ZipInfo(name), text)
    yield Sample("right_export.zip", packed.getvalue(), "right answers, as Otter exports them")
    magics = _with_cells(reference, first=_MAGICS)
    yield _notebook("right_with_magics", magics, "right answers among magics and a failed import")


def _incomplete(assignment: Assignment) -> Iterator[Sample]:
    yield _notebook("blank", student_notebook(assignment), "the notebook as students get it")
    rest = assignment.exercises[len(assignment.exercises) // 2 :]
    half = solved_notebook(assignment, {one.name: stub_source(one) for one in rest})
    yield _notebook("half_done", half, "right answers to the first half")


def _wrong(assignment: Assignment) -> Iterator[Sample]:
    spread = _spread(assignment.exercises, SINGLE_SLIPS)
    for number, (exercise, chaff) in enumerate(spread, start=1):
        source = {exercise.name: solution_source(exercise, chaff.function)}
        about = f"one slip, in {exercise.name}: {' '.join(chaff.hint.split())}"
        name = f"slip_{number}_{chaff.name}"
        yield _notebook(name, solved_notebook(assignment, source), about)
    slips = {
        exercise.name: solution_source(exercise, exercise.chaffs[0].function)
        for exercise in assignment.exercises
        if exercise.chaffs
    }
    yield _notebook(
        "slips_everywhere", solved_notebook(assignment, slips), "a slip in every answer"
    )


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


def _misbehaving(assignment: Assignment) -> Iterator[Sample]:
    answers = {
        "right": solved_notebook(assignment, {}),
        "blank": student_notebook(assignment),
    }
    names = [exercise.name for exercise in assignment.exercises]
    values = {"function": names[len(names) // 2], "names": repr(names)}
    for file in sorted(files("autograder.demo.hostile").iterdir(), key=lambda file: file.name):
        stem, _, ending = file.name.partition(".")
        if ending != "txt":
            continue
        head, code = _split(file.read_text(encoding="utf-8"))
        cell = Template(code).substitute(values)
        place = {head["place"]: (cell,)}
        yield _notebook(stem, _with_cells(answers[head["answers"]], **place), head["about"])


def _unreadable(assignment: Assignment) -> Iterator[Sample]:
    half = student_notebook(assignment).encode()
    yield Sample("torn.ipynb", half[: len(half) // 2], "half a file: the upload broke off")
    page = b"<!doctype html><title>Sign in</title><p>Please sign in to download this file."
    yield Sample("web_page.ipynb", page, "a web page under a notebook's name")


def _notebook(stem: str, text: str, about: str) -> Sample:
    return Sample(f"{stem}.ipynb", text.encode(), about)


def _split(text: str) -> tuple[Mapping[str, str], str]:
    """The first lines of a cell's file as a mapping, and its code."""
    lines = text.splitlines()
    head = dict(line.removeprefix("# ").split(": ", 1) for line in lines[:3])
    return head, "\n".join(lines[3:])


def _with_cells(notebook: str, first: Sequence[str] = (), last: Sequence[str] = ()) -> str:
    """A notebook with more code cells, at its start (after its set-up cell) or at its end."""
    content = json.loads(notebook)
    cells = content["cells"]
    content["cells"] = [*cells[:1], *map(_cell, first), *cells[1:], *map(_cell, last)]
    return json.dumps(content, indent=1, ensure_ascii=False)


def _cell(source: str) -> dict[str, object]:
    return {
        "cell_type": "code",
        "execution_count": None,
        "metadata": {},
        "outputs": [],
        "source": source,
    }
