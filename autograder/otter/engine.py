"""Grading one submission with `moelab grade`, in another process, with the package's own engine.

The command is the interface: what Otter reports is what the command wrote, whichever version of
moelab the plugin itself was imported from.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from autograder.otter.quarantine import SUBMISSION
from autograder.records import Grade, Run
from autograder.report.files import ReportError
from autograder.report.grade_file import read_grade_file

FOLDER = "moelab"  # in the autograder package: the engine and the course
_DONE = (0, 1)  # 1: graded, and a person should look


class CannotGrade(Exception):  # noqa: N818
    """Nothing was graded; the message says why, for the instructor."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What the autograder package says about grading; `options` are further ones of the command."""

    assignment: str
    course: str = "reference"
    options: tuple[str, ...] = ()

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> Order:
        """Read the plugin's configuration; `CannotGrade` where it is not what the build writes."""
        match config:
            case {"assignment": str(assignment), "course": str(course), "options": [*options]}:
                return cls(assignment=assignment, course=course, options=tuple(map(str, options)))
        raise CannotGrade(
            "otter_config.json does not say what to grade: make the package with `moelab build`"
        )


def grade_file_of(submission: Path, order: Order, engine: Path) -> tuple[Run, Grade]:
    """Grade a folder that holds one submission, and return how it was graded and its grade.

    `submission` is a folder as `aside` makes it; `engine` has the packages `autograder` and the
    course. Raises `CannotGrade`.
    """
    if not (engine / "autograder").is_dir():
        raise CannotGrade(f"{engine} is missing: make the package with `moelab build`")
    with tempfile.TemporaryDirectory(prefix="moelab-grade-") as scratch:
        result = Path(scratch) / "grades.json"
        command = [sys.executable, "-P", "-m", "autograder.cli", "grade", str(submission)]
        command += ["--assignment", order.assignment, "--course", order.course]
        command += ["--gradebook", f"sqlite:///{scratch}/gradebook.db", "--json", str(result)]
        done = subprocess.run(  # noqa: S603 - our own program
            [*command, "--jobs", "1", *order.options],
            cwd=scratch,
            env={**os.environ, "PYTHONPATH": str(engine), "NO_COLOR": "1", "COLUMNS": "1000"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            check=False,
        )
        if done.returncode not in _DONE:
            raise CannotGrade(_last_sentence(done.stderr, done.returncode))
        try:
            graded = read_grade_file(result.read_text(encoding="utf-8"))
        except (OSError, ReportError) as error:
            raise CannotGrade(f"the grader wrote no grades that can be read: {error}") from error
    if len(graded.counting) != 1:
        raise CannotGrade(f"the grader wrote {len(graded.counting)} grades for one submission")
    (grade,) = graded.counting
    return graded.run, replace(grade, submission=grade.submission.removeprefix(f"{SUBMISSION}/"))


def _last_sentence(stderr: str, status: int) -> str:
    lines = [line for line in stderr.splitlines() if line.startswith("moelab: ")]
    lines = lines or stderr.strip().splitlines() or [f"the grader ended with status {status}"]
    return lines[-1].removeprefix("moelab: ")
