"""`moelab` in this process: its fork server, whose imports take longest, serves later runs too."""

from __future__ import annotations

import contextlib
import io
import os
from dataclasses import dataclass
from pathlib import Path

from autograder.cli.main import run


@dataclass(frozen=True)
class Ended:
    """What a command left: its exit status and what it printed."""

    status: int
    out: str
    err: str


def moelab_here(*arguments: str | Path, cwd: Path) -> Ended:
    """Run a command in a folder, as its console script would there."""
    before = os.environ.get("COLUMNS")
    out, err = (io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True) for _ in range(2))
    os.environ["COLUMNS"] = "80"
    try:
        with (
            contextlib.chdir(cwd),
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
        ):
            status = run([str(argument) for argument in arguments])
    finally:
        del os.environ["COLUMNS"]
        if before is not None:
            os.environ["COLUMNS"] = before
    return Ended(status, *(one.buffer.getvalue().decode() for one in (out, err)))
