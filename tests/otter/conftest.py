"""One small class with every outcome, and the three ways in which it is graded."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import zipfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest

from autograder.build.package import package
from autograder.grading.course import load_assignment
from autograder.otter.engine import Order

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
COURSES = ROOT / "tests" / "grading"
OPTIONS = ("--seed", "otter", "--time-limit", "2", "--total-time", "60", "--memory-limit", "512MiB")
ORDER = Order(assignment="probe", course="outcomes_course", options=OPTIONS)
CONTAINER = (sys.executable, str(HERE / "container.py"))

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


@dataclass(frozen=True)
class Ended:
    status: int
    out: str
    err: str

    @property
    def results(self) -> dict[str, Any]:
        lines = [line for line in self.out.splitlines() if line.startswith("RESULTS ")]
        assert lines, self.err
        return json.loads(lines[-1].removeprefix("RESULTS "))


def run(*command: str | Path, **options: Any) -> Ended:
    """Run a program to its end, in a session of its own."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(
        [*map(str, command)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        env=environment,
        start_new_session=True,
        **options,
    )
    out, err = process.communicate()
    return Ended(process.returncode, out, err)


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


class Gradescope:
    """Gradescope's folders, below a root of our own."""

    def __init__(self, root: Path, package: Path) -> None:
        self.root = root
        for name in ("source", "submission", "results"):
            (root / name).mkdir(parents=True)
        with zipfile.ZipFile(package) as archive:
            archive.extractall(root / "source")
        metadata = {"id": 1, "users": [{"email": "ada@example.edu", "name": "Ada"}]}
        (root / "submission_metadata.json").write_text(json.dumps(metadata))

    def grade(self, files: dict[str, bytes], *container: str) -> Ended:
        """Hand in files and grade them in a container; then read what was left, with Otter."""
        for name, data in files.items():
            path = self.root / "submission" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        return run(
            *CONTAINER, *container, sys.executable, self.root / "source" / "run_otter.py", cwd="/"
        )

    @property
    def results(self) -> dict[str, Any]:
        return json.loads((self.root / "results" / "results.json").read_text())

    @cached_property
    def details(self) -> dict[str, Any]:
        left = self.root / "results" / "results.pkl"
        return run(sys.executable, HERE / "otter_api.py", left).results


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
        api = HERE / "otter_api.py"
        return run(sys.executable, api, submissions / name, probe_package, cwd=out).results

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


def zipped(files: dict[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return packed.getvalue()
