"""The places in which one submission is graded, and what is said there of each check.

For tests and for `benchmarks/otter_class.py`.
"""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from command import moelab_here

from autograder.otter.engine import Order

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
COURSES = ROOT / "tests" / "courses"
CONTAINER = (sys.executable, str(HERE / "gradescope_container.py"))
API = (sys.executable, str(HERE / "otter_api.py"))
PASSING = ("passed", "grader_error")

Said = tuple[str, str, bool, float, bool]  # question, title, hidden, points, whether it passed


@dataclass(frozen=True)
class Ended:
    status: int
    out: str
    err: str

    @property
    def results(self) -> dict[str, Any]:
        return self.all_results[-1]

    @property
    def all_results(self) -> list[dict[str, Any]]:
        lines = [line for line in self.out.splitlines() if line.startswith("RESULTS ")]
        assert lines, self.err
        return [json.loads(line.removeprefix("RESULTS ")) for line in lines]


def run(*command: str | Path, **options: Any) -> Ended:
    """Run a program to its end, in a session of its own."""
    environment = {
        **os.environ,
        "PYTHONPATH": f"{ROOT}{os.pathsep}{COURSES}",
        "OMP_NUM_THREADS": "1",
    }
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


def known(grade: dict[str, Any]) -> list[Said]:
    """What the grade file says of every check."""
    return [
        (exercise["name"], c["title"], c["hidden"], c["points"], c["outcome"] in PASSING)
        for exercise in grade["exercises"]
        for c in exercise["checks"]
    ]


def told(results: dict[str, Any]) -> list[Said]:
    """What Otter says of every check."""
    return [
        (question, *check[:4])
        for question, found in results["questions"].items()
        for check in found["checks"]
    ]


def grades_of(folder: Path, out: Path, order: Order, *, cwd: Path) -> dict[str, dict[str, Any]]:
    """A folder's grades by file name, from `moelab grade`; the course is found from `cwd`."""
    command = ["grade", folder, *order.options]
    command += ["--assignment", order.assignment, "--course", order.course]
    command += ["--json", out / "grades.json", "--gradebook", f"sqlite:///{out}/book.db"]
    ended = moelab_here(*command, cwd=cwd)
    assert ended.status in (0, 1), ended.err  # 1: a person should look
    grades = json.loads((out / "grades.json").read_text(encoding="utf-8"))["grades"]
    return {grade["submission"]: grade for grade in grades}


def with_otter(submission: Path, package: Path) -> Ended:
    """Grade with `otter.api.grade_submission`, which is all that `otter run` does."""
    return run(*API, submission, package, cwd=package.parent)


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
        return run(*API, self.left).results

    @property
    def left(self) -> Path:
        """What Otter leaves for programs."""
        return self.root / "results" / "results.pkl"


def read_details(places: Sequence[Gradescope]) -> None:
    """Read what Otter left in several places, in one process: each takes seconds to start."""
    found = run(*API, *(place.left for place in places)).all_results
    for place, details in zip(places, found, strict=True):
        place.details = details


def zipped(files: dict[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return packed.getvalue()
