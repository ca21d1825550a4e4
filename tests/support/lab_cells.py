"""The code cells in the prose of a lab, run in order outside a notebook."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import matplotlib as mpl
from matplotlib import pyplot as plt

from autograder.authoring.assignment import PROSE, Assignment, Prose
from moe_lab import load_model, load_tokenizer

_CODE = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)


def prose_of(assignment: Assignment) -> list[str]:
    """The names of a lab's files of prose, in order."""
    return [p.file for p in (*assignment.parts, *assignment.closing) if isinstance(p, Prose)]


def text_of(assignment: Assignment, file: str) -> str:
    """A file of prose."""
    return (assignment.folder / PROSE / file).read_text(encoding="utf-8")


def says(assignment: Assignment, file: str, *passages: str) -> bool:
    """Whether a file of prose holds all passages, wherever its lines break."""
    text = " ".join(text_of(assignment, file).split())
    return all(passage in text for passage in passages)


@contextmanager
def names_after_all_cells(assignment: Assignment) -> Iterator[dict[str, Any]]:
    """Every name that the cells leave behind, run with the reference solutions."""
    solutions = {exercise.name: exercise.solution_function for exercise in assignment.exercises}
    kept: dict[str, Any] = {}
    with _undrawn():
        names = _given(solutions)
        for file, number, cell in _cells(assignment):
            exec(compile(cell, f"{file}, cell {number}", "exec"), names)
            kept.update(names)
        yield kept


def names_bound_by(assignment: Assignment) -> set[str]:
    """The variables and functions that the cells define at their top level, imports left out."""
    bound = set()
    for file, number, cell in _cells(assignment):
        todo: list[ast.AST] = list(ast.parse(cell, f"{file}, cell {number}").body)
        while todo:
            node = todo.pop()
            if isinstance(node, ast.FunctionDef | ast.ClassDef):
                bound.add(node.name)
            elif not isinstance(node, ast.Lambda | ast.comprehension):
                if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                    bound.add(node.id)
                todo += ast.iter_child_nodes(node)
    return bound


def files_that_end_early(assignment: Assignment) -> set[str]:
    """The files of prose with a cell that says that a function is not written; nothing is."""

    def not_written(*args: Any, **kwargs: Any) -> Any:
        raise NotImplementedError

    ended = set()
    with _undrawn():
        names = _given(dict.fromkeys((e.name for e in assignment.exercises), not_written))
        for file, number, cell in _cells(assignment):
            try:
                exec(compile(cell, f"{file}, cell {number}", "exec"), names)
            except NotImplementedError:
                ended.add(file)
    return ended


def _cells(assignment: Assignment) -> Iterator[tuple[str, int, str]]:
    for file in prose_of(assignment):
        for number, cell in enumerate(_CODE.findall(text_of(assignment, file)), start=1):
            yield file, number, cell


def _given(functions: Mapping[str, Callable[..., Any]]) -> dict[str, Any]:
    lab = {"load_model": load_model, "load_tokenizer": load_tokenizer, "__name__": "lab"}
    return {**functions, **lab}


@contextmanager
def _undrawn() -> Iterator[None]:
    backend = mpl.get_backend()
    plt.switch_backend("agg")
    try:
        yield
    finally:
        plt.close("all")
        plt.switch_backend(backend)
