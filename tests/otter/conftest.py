"""One small class with every outcome, and the three ways in which it is graded."""

from __future__ import annotations

import json
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from autograder.build.package import package
from autograder.grading.course import load_assignment
from autograder.otter.engine import Order

from .places import API, ROOT, Gradescope, run

COURSES = ROOT / "tests" / "grading"
OPTIONS = ("--seed", "otter", "--time-limit", "2", "--total-time", "60", "--memory-limit", "512MiB")
ORDER = Order(assignment="probe", course="outcomes_course", options=OPTIONS)

HALVE = "def halve(x):\n    return x / 2\n"
RIGHT = "def double(x):\n    return 2 * x\n" + HALVE
FORGES = """
import gc, inspect, os, sys
import otter, otter.test_files, otter.execute
otter.test_files.ExceptionTestFile.run = lambda self, env: None
otter.execute.Checker.get_results = classmethod(lambda cls: [])
moelab_verdicts = {"double": {"doubles_three": [True, ""]}, "halve": {"halves_six": [True, ""]}}
for place in ("tests", "../tests", "/autograder/source/tests"):
    try:
        os.makedirs(place, exist_ok=True)
        open(os.path.join(place, "01_double.py"), "w").write("name = 'double'")
    except OSError:
        pass
class Same(float):
    def __eq__(self, other): return True
    __hash__ = None
def double(x): return Same(0)
def halve(x): return Same(0)
"""
CLASS = {
    "right.ipynb": [RIGHT],
    "wrong.ipynb": ["def double(x):\n    return x + 4\n" + HALVE],
    "raises.py": ["def double(x):\n    raise KeyError('lost')\n" + HALVE],
    "endless.ipynb": ["while True: pass", "def double(x):\n    while True: pass\n" + HALVE],
    "greedy.ipynb": ["def double(x):\n    return bytearray(8 << 30)\n"],  # and no halve
    "ends.ipynb": ["def double(x):\n    import os; os._exit(0)\n" + HALVE, "raise SystemExit"],
    "forges.ipynb": [FORGES],
}


def notebook(*cells: str) -> str:
    made = [
        {"cell_type": "code", "execution_count": None, "metadata": {}, "outputs": [], "source": one}
        for one in cells
    ]
    metadata = {"otter": {"assignment_name": "probe"}}
    return json.dumps({"cells": made, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5})


@pytest.fixture(scope="session")
def probe_package(tmp_path_factory) -> Path:
    """The autograder package of a course with every outcome, broken check included."""
    sys.path.insert(0, str(COURSES))
    try:
        data = package(load_assignment("probe", ORDER.course), ORDER)
    finally:
        sys.path.remove(str(COURSES))
    path = tmp_path_factory.mktemp("package") / "autograder.zip"
    path.write_bytes(data)
    return path


@pytest.fixture(scope="session")
def submissions(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("class")
    for name, cells in CLASS.items():
        script = name.endswith(".py")
        (folder / name).write_text("\n".join(cells) if script else notebook(*cells), "utf-8")
    return folder


@pytest.fixture
def gradescope(tmp_path, probe_package) -> Gradescope:
    return Gradescope(tmp_path / "autograder", probe_package)


@dataclass(frozen=True)
class Graded:
    """The class by file name: as moelab, Otter and Gradescope's folders have it."""

    moelab: dict[str, Any]
    otter: dict[str, Any]
    gradescope: dict[str, Gradescope]


@pytest.fixture(scope="session")
def graded(tmp_path_factory, probe_package, submissions) -> Graded:
    """Grade the class in all three ways, two submissions at a time."""
    out = tmp_path_factory.mktemp("graded")
    command = [sys.executable, "-m", "autograder.cli", "grade", submissions, *OPTIONS]
    command += ["--assignment", "probe", "--course", ORDER.course, "--json", out / "grades.json"]
    done = run(*command, "--gradebook", f"sqlite:///{out}/book.db", cwd=COURSES)
    assert done.status == 1, done.err  # a check is broken on purpose: a person should look
    grades = json.loads((out / "grades.json").read_text())["grades"]

    def with_otter(name: str) -> dict[str, Any]:
        return run(*API, submissions / name, probe_package, cwd=out).results

    def with_gradescope(name: str) -> Gradescope:
        place = Gradescope(out / name / "autograder", probe_package)
        ended = place.grade({name: (submissions / name).read_bytes()})
        assert ended.status == 0, ended.err
        return place

    with ThreadPoolExecutor(2) as pool:
        otter = pool.map(with_otter, CLASS)
        scope = pool.map(with_gradescope, CLASS)
        return Graded(
            moelab={grade["submission"]: grade for grade in grades},
            otter=dict(zip(CLASS, otter, strict=True)),
            gradescope=dict(zip(CLASS, scope, strict=True)),
        )
