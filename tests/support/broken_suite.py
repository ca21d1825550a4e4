"""Broken and odd submissions, graded as in any run: what each is, and what is fair to expect of it.

A case is a function of a `broken_….py` beside this file: it makes one submission, and its docstring
declares what is wrong and the fair expectation:

    Title: what is wrong, in one line.

    File: the submission's path, in a folder of the case's own.
    Status: graded or unreadable.
    Graded: `all OUTCOME`, or `function: OUTCOME, …` for every function of the toy course, where
        OUTCOME is `passed` (every check), or how the first check ended that did not pass.
    Says: words; words. All must stand in the grade's notes or messages.
    Needs: `ordinary user` where root would see nothing wrong.

Used by the tests and by `benchmarks/broken_table.py`.
"""

from __future__ import annotations

import importlib
import inspect
import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autograder.grading.settings import Settings
from autograder.grading.worker import Worker
from autograder.records import Grade
from autograder.sandbox.limits import Limits
from autograder.submission.discover import Found, find_submissions

MODULES = (
    "broken_files",
    "broken_archives",
    "broken_notebooks",
    "broken_code",
    "broken_programs",
    "broken_places",
)
FUNCTIONS = ("expert_load", "busiest_expert", "load_gap")
LIMITS = Limits(call=3.0, total=30.0, memory=1 << 30)
SEED = "broken submissions"

IMPORTS = "import torch"
LOAD = """def expert_load(indices, num_experts):
    counts = torch.bincount(indices.reshape(-1), minlength=num_experts)
    return counts / counts.sum()
"""
BUSIEST = """def busiest_expert(load):
    if not len(load):
        raise ValueError("no expert")
    return int((load == load.max()).nonzero().min())
"""
GAP = """def load_gap(indices, num_experts):
    load = expert_load(indices, num_experts)
    return float(load.max() - load.min())
"""
ANSWERS = (IMPORTS, LOAD, BUSIEST, GAP)
SCRIPT = "\n\n".join(ANSWERS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One broken submission, and what is fair to expect of it."""

    name: str
    title: str
    file: str
    make: Callable[[Path], object]
    status: str
    graded: dict[str, str]
    says: tuple[str, ...]
    needs: str


def cases() -> tuple[Case, ...]:
    """Every case, in the order of the files and within them."""
    modules = map(importlib.import_module, MODULES)
    return tuple(
        _declared(function)
        for module in modules
        for function in vars(module).values()
        if inspect.isfunction(function) and function.__module__ == module.__name__
        if not function.__name__.startswith("_")
    )


def grade_all(wanted: tuple[Case, ...], folder: Path, course: str) -> Iterator[tuple[Case, Grade]]:
    """Make the submissions below `folder`, find them together, and grade them one after another."""
    for case in wanted:
        path = folder / case.name / case.file
        path.parent.mkdir(parents=True, exist_ok=True)
        case.make(path)
    worker = Worker(Settings(seed=SEED, limits=LIMITS, course=course, hidden=(str(folder),)))
    try:
        found = {one.name: one for one in find_submissions([folder])}
        for case in wanted:
            yield case, worker.grade("toy", _of(case, found))
    finally:
        worker.sandbox.close()


def outcomes(grade: Grade) -> dict[str, str]:
    """By function: `passed`, or how the first check ended that did not pass."""
    found = {}
    for exercise in grade.exercises:
        ended = [check.outcome.value for check in exercise.checks]
        found[exercise.name] = next((one for one in ended if one != "passed"), "passed")
    return found


def said(grade: Grade) -> str:
    """Everything that a grade says in words, notes first, each thing once."""
    messages = [check.message for exercise in grade.exercises for check in exercise.checks]
    return "\n".join(dict.fromkeys(filter(None, (*grade.notes, *messages))))


def cell(source: Any, kind: str = "code", **more: Any) -> dict[str, Any]:
    """A cell of a notebook."""
    own = {"outputs": [], "execution_count": None} if kind == "code" else {}
    return {"cell_type": kind, "metadata": {}, "source": source, **own, **more}


def content(*cells: Any, **changes: Any) -> dict[str, Any]:
    """A notebook's content; texts become code cells."""
    made = [cell(one) if isinstance(one, str) else one for one in cells]
    return {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": made, **changes}


def notebook(*cells: Any, **changes: Any) -> bytes:
    """A notebook's bytes."""
    return json.dumps(content(*cells, **changes)).encode()


def _of(case: Case, found: dict[str, Found]) -> Found:
    name = f"{case.name}/{case.file}"
    if name in found:
        return found[name]
    (only,) = (one for one in found.values() if one.name.startswith(f"{case.name}/"))
    return only


def _declared(function: Callable[[Path], object]) -> Case:
    title, _, header = inspect.cleandoc(function.__doc__ or "").partition("\n\n")
    fields: dict[str, str] = {"Needs": "", "Says": ""}
    for line in header.splitlines():
        key, colon, rest = line.partition(": ")
        if colon and key in ("File", "Status", "Graded", "Says", "Needs"):
            fields[key] = rest
        else:
            fields[next(reversed(fields))] += f" {line.strip()}"
    return Case(
        name=function.__name__,
        title=" ".join(title.split()),
        file=fields["File"],
        make=function,
        status=fields["Status"],
        graded=_outcomes(fields["Graded"]),
        says=tuple(words.strip() for words in fields["Says"].split(";") if words.strip()),
        needs=fields["Needs"],
    )


def _outcomes(text: str) -> dict[str, str]:
    if text.startswith("all "):
        return dict.fromkeys(FUNCTIONS, text.removeprefix("all "))
    pairs = (part.split(":") for part in text.split(","))
    found = {name.strip(): outcome.strip() for name, outcome in pairs}
    assert tuple(found) == FUNCTIONS, f"name {', '.join(FUNCTIONS)} in this order, not {text!r}"
    return found


def cannot_try(case: Case) -> str:
    """Why a case shows nothing to this user; "" where it does."""
    return "root may read every file" if case.needs == "ordinary user" and os.geteuid() == 0 else ""
