"""The command, in a process of its own or in this one, and a course for it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import command
import pytest
from command import Ended

ROOT = Path(__file__).resolve().parents[2]


class Moelab:
    """Runs `moelab`; calling it waits for the end, `start` does not."""

    def start(
        self,
        *arguments: str | Path,
        cwd: Path = ROOT,
        before: tuple[str, ...] = (),
        env: dict[str, str] | None = None,
    ) -> subprocess.Popen[str]:
        """Start the command; `before` are options of Python itself."""
        if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as in a script's background
            signal.signal(signal.SIGINT, signal.default_int_handler)
        wanted = {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "COLUMNS": "80", **(env or {})}
        return subprocess.Popen(
            [sys.executable, *before, "-m", "autograder.cli", *map(str, arguments)],
            cwd=cwd,
            env={**os.environ, **wanted},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
        )

    def __call__(self, *arguments: str | Path, **options: object) -> Ended:
        process = self.start(*arguments, **options)
        out, err = process.communicate()
        return Ended(process.returncode, out, err)


@pytest.fixture(scope="session")
def moelab() -> Moelab:
    return Moelab()


@pytest.fixture
def moelab_here() -> Callable[..., Ended]:
    """Runs `moelab` in this process."""
    return command.moelab_here


@dataclass(frozen=True)
class Classroom:
    """A folder with a course package of its own, in which commands are run."""

    folder: Path
    course: str = "toy_of_the_command_line"

    @classmethod
    def make(cls, folder: Path) -> Classroom:
        room = cls(folder)
        skipped = shutil.ignore_patterns("__pycache__")
        toy = ROOT / "tests" / "courses" / "toycourse"
        shutil.copytree(toy, folder / room.course, ignore=skipped)
        (folder / "submissions").mkdir()
        return room

    @property
    def toy(self) -> Path:
        """The course's assignment."""
        return self.folder / self.course / "toy"

    @property
    def submissions(self) -> Path:
        return self.folder / "submissions"


@pytest.fixture
def room(tmp_path: Path) -> Classroom:
    return Classroom.make(tmp_path)
