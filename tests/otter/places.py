"""The places in which Otter grades, for tests and for `benchmarks/otter_class.py`."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
CONTAINER = (sys.executable, str(HERE / "container.py"))
API = (sys.executable, str(HERE / "otter_api.py"))


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
        return run(*API, left).results


def zipped(files: dict[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return packed.getvalue()
