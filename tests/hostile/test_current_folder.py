"""The current folder is no place to import from, whatever command is given in it.

Every file here says when it is run, in a file outside.
"""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest
from canaries import birds_that_sang, hang_canaries

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Trap:
    """A folder of submissions in which every name that Python could look for is a canary."""

    folder: Path
    sprung: Path

    def names(self) -> list[str]:
        """The canaries that were run."""
        return birds_that_sang(self.sprung)

    def moelab(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Give a command as its console script does, in this folder."""
        program = "from autograder.cli.main import main\n\nif __name__ == '__main__':\n    main()"
        script = self.sprung.parent / "bin" / "moelab"
        script.parent.mkdir(exist_ok=True)
        script.write_text(f"{program}\n")
        return self._run([sys.executable, str(script), *arguments], **environment)

    def module(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Give a command as `python -m`, in this folder."""
        return self._run([sys.executable, "-m", "autograder.cli", *arguments], **environment)

    def _run(self, command: list[str], **more: str) -> subprocess.CompletedProcess[str]:
        kept = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        return subprocess.run(
            command,
            cwd=self.folder,
            env={**kept, "OMP_NUM_THREADS": "1", **more},
            capture_output=True,
            encoding="utf-8",
            stdin=subprocess.DEVNULL,
        )


@pytest.fixture
def trap(tmp_path: Path) -> Trap:
    folder, sprung = tmp_path / "submissions", tmp_path / "sprung"
    folder.mkdir()
    hang_canaries(folder, sprung)
    (folder / "matplotlibrc").write_text("figure.figsize: 1, 1\naxes.grid: True\n")
    (folder / "ada.ipynb").write_text(
        '{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}'
    )
    with zipfile.ZipFile(folder / "ada.zip", "w") as archive:
        archive.writestr("ada.ipynb", (folder / "ada.ipynb").read_bytes())
    return Trap(folder, sprung)


def test_the_trap_works(trap):
    """`python -c` and `python -m` do import from the current folder: the canaries sing."""
    ordinary = {name: value for name, value in os.environ.items() if name != "PYTHONSAFEPATH"}
    command = [sys.executable, "-c", "import statistics"]
    subprocess.run(command, cwd=trap.folder, env=ordinary, capture_output=True)
    assert trap.names()


SMALL_COURSE = ROOT / "tests" / "courses" / "fragile_course"
ADJUSTED = ("--student", "a", "--exercise", "b", "--points", "1", "--why", "c")


@pytest.mark.parametrize(
    "arguments",
    [
        ("--version",),
        ("check", "ada.ipynb", "--assignment", "moe_routing_in_practice"),
        ("check", "ada.zip"),
        ("report", "gradebook.db"),
        ("adjust", "gradebook.db", *ADJUSTED),
        ("build", "--check"),
        ("doctor",),
        ("verify", "weak", "--jobs", "2", "--course", str(SMALL_COURSE)),
        ("grade", "ada.ipynb", *("--assignment", "moe_routing_in_practice"), "--gradebook=../g.db"),
    ],
    ids=lambda arguments: arguments[0] + Path(arguments[-1]).suffix,
)
def test_no_command_imports_from_the_current_folder(trap, arguments):
    """`demo` is tried in `tests/cli/test_demo.py`."""
    ended = trap.moelab(*arguments)
    assert trap.names() == [], ended.stderr
    assert "mistake of its own" not in ended.stderr


def test_python_m_starts_again_without_the_current_folder(trap):
    """Whatever command: it has not been read yet when that happens."""
    ended = trap.module("check", "ada.zip")
    assert trap.names() == [], ended.stderr
    assert "mistake of its own" not in ended.stderr


def test_a_gradebook_among_the_submissions_is_refused(trap):
    (trap.folder / "gradebook.db").touch()
    ended = trap.moelab("grade", ".", "--assignment", "moe_routing_in_practice")
    assert ended.returncode == 2
    assert "lies in the folder that is graded" in ended.stderr
