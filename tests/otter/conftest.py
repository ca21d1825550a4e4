"""One small class with every outcome, and the three ways in which it is graded."""

from __future__ import annotations

import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from otter_places import COURSES, Ended, Gradescope, grades_of, read_details, with_otter

from autograder.authoring.course import load_assignment
from autograder.otter.engine import Order
from autograder.otter.package.contents import package

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
POISONS = r"""
class Poisoned(Exception):
    def __str__(self):
        return "</script><b>|\ud800\x1b[31m\u202e=cmd()" + "long" * 100_000
def double(x):
    raise Poisoned
"""
SNOOPS = """
import glob, sys
found = ""
for place in ("{place}", "/autograder", sys.path[0]):
    for path in glob.glob(place + "/**/halve.py", recursive=True):
        try:
            found += open(path).read()[-200:]
        except OSError:
            pass
def double(x):
    raise LookupError(found or "nothing to read")
"""
SPAWNS = """
import os, socket, subprocess
def attempt(action, *arguments):
    try:
        return action(*arguments)
    except Exception as refused:
        return refused
attempt(subprocess.run, ["sh", "-c", "sleep 1000"])
attempt(os.kill, os.getppid(), 15)
attempt(socket.create_connection, ("127.0.0.1", 80))
attempt(lambda: open("/tmp/full", "wb").write(bytes(200 << 20)))
if attempt(os.fork) == 0:
    os._exit(0)
"""
# Each check of it ends in another way: failed, error, skipped, died, memory.
MIXED = """
def double(x):
    if x == 3:
        return 7
    raise KeyError("lost")
def halve(x):
    if x == 6:
        import os
        os._exit(0)
    return bytearray(8 << 30)
"""
TORN = "torn.ipynb"  # the upload broke off
# A run stops at more than a few errors of the grader, so most have no halve, whose check is broken.
CLASS = {
    "right.ipynb": [RIGHT],
    "wrong.ipynb": ["def double(x):\n    return x + 4\n"],
    "raises.py": ["def double(x):\n    raise KeyError('lost')\n"],
    "greedy.ipynb": ["def double(x):\n    return bytearray(8 << 30)\n"],  # and no halve
    "ends.ipynb": ["def double(x):\n    import os; os._exit(0)\n", "raise SystemExit"],
    "forges.ipynb": [SPAWNS, FORGES],
    "mixed.py": [MIXED],
    "poisons.ipynb": ["while True: pass", POISONS + "def halve(x):\n    while True: pass\n"],
    "snoops.ipynb": [SNOOPS],
    "spawns.ipynb": [SPAWNS, RIGHT],
    TORN: [RIGHT],
}
# Each run starts a grader, so a file is graded in one place: every outcome is in one of them. In
# both: what looks for hidden tests, which lie elsewhere in each, and what Otter itself cannot read.
WITH_OTTER = ["mixed.py", "snoops.ipynb", TORN]
WITH_GRADESCOPE = ["right.ipynb", "forges.ipynb", "poisons.ipynb", "snoops.ipynb", TORN]
GRADED_THERE = list(dict.fromkeys(WITH_OTTER + WITH_GRADESCOPE))


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
    data = package(load_assignment("probe", ORDER.course), ORDER)
    path = tmp_path_factory.mktemp("package") / "autograder.zip"
    path.write_bytes(data)
    return path


@pytest.fixture(scope="session")
def submissions(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("class")
    place = str(tmp_path_factory.getbasetemp())
    for name, cells in CLASS.items():
        text = "\n".join(cells) if name.endswith(".py") else notebook(*cells)
        text = text.replace("{place}", place)
        (folder / name).write_text(text[:100] if name == TORN else text, encoding="utf-8")
    return folder


@pytest.fixture
def gradescope(tmp_path, probe_package) -> Gradescope:
    return Gradescope(tmp_path / "autograder", probe_package)


@dataclass(frozen=True)
class Graded:
    """Submissions by file name: as moelab, Otter and Gradescope's folders have them."""

    moelab: dict[str, Any]
    otter: dict[str, Ended]
    gradescope: dict[str, Gradescope]

    def told_by_otter(self, name: str) -> list[dict[str, Any]]:
        """What Otter found of a file, in each place in which it was graded and read."""
        found = [self.gradescope[name].details] if name in self.gradescope else []
        if name in self.otter and name != TORN:
            found.append(self.otter[name].results)
        return found


def graded_everywhere(
    folder: Path,
    package: Path,
    order: Order,
    *,
    cwd: Path,
    with_otter_run: Sequence[str] = (),
    with_gradescope: Sequence[str] = (),
) -> Graded:
    """Grade a folder of submissions in all three ways, two at a time.

    With names, only these are graded by `otter run` or as on Gradescope.
    """
    out = package.parent
    moelab = grades_of(folder, out, order, cwd=cwd)

    def on_gradescope(name: str) -> Gradescope:
        place = Gradescope(out / name / "autograder", package)
        ended = place.grade({name: (folder / name).read_bytes()})
        assert ended.status == 0, ended.err
        return place

    with ThreadPoolExecutor(2) as pool:
        run, uploaded = with_otter_run or list(moelab), with_gradescope or list(moelab)
        otter = pool.map(lambda name: with_otter(folder / name, package), run)
        scope = list(pool.map(on_gradescope, uploaded))
        read_details(scope)
        return Graded(
            moelab=moelab,
            otter=dict(zip(run, otter, strict=True)),
            gradescope=dict(zip(uploaded, scope, strict=True)),
        )


@pytest.fixture(scope="session")
def graded(probe_package, submissions) -> Graded:
    """The small class in all three ways."""
    return graded_everywhere(
        submissions,
        probe_package,
        ORDER,
        cwd=COURSES,
        with_otter_run=WITH_OTTER,
        with_gradescope=WITH_GRADESCOPE,
    )
