"""Taking a student's files out of Otter's sight before it reads, imports or unpickles one of them.

Otter's kernel starts in the submission's folder and imports from it (`ipykernel_launcher.py`,
`otter/`, `numpy.py`, …), and Otter's runner unpickles `.OTTER_LOG` there.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from autograder.submission.discover import find_submissions

OTTERS_OWN = "tests"  # Otter has just put its own copy there
_ENDINGS = (".ipynb", ".py", ".zip")  # in the order in which one is preferred
_PREFIX = "moelab-submission-"


class NoSubmission(Exception):  # noqa: N818
    """The folder does not hold exactly one submission; the message says what it holds."""


def set_aside(folder: Path, *, keep: str = "") -> Path:
    """Move everything out of a folder, but for the entry `keep`; return where it is now."""
    aside = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=folder.parent))
    for name in os.listdir(folder):
        if name != keep:
            shutil.move(folder / name, aside / name)
    return aside


@contextmanager
def submission_aside(folder: Path) -> Iterator[Path]:
    """Set a folder's files aside and bring them back at the end, as if nobody had been there."""
    aside = set_aside(folder)
    try:
        yield aside
    finally:
        shutil.rmtree(folder)
        folder.mkdir()
        for name in os.listdir(aside):
            shutil.move(aside / name, folder / name)
        aside.rmdir()


def the_submission(folder: Path) -> Path:
    """The one file to grade: as Otter chooses, the notebook, else the script, else an archive.

    Files at the top come before those in folders. Raises `NoSubmission`.
    """
    found = find_submissions([folder])
    for depth in (0, 1):
        for ending in _ENDINGS:
            fitting = [
                one.path
                for one in found
                if one.name.lower().endswith(ending)
                and min(one.name.count("/"), 1) == depth
                and one.path.name != "__init__.py"
            ]
            if len(fitting) > 1:
                names = ", ".join(sorted(path.name for path in fitting)[:3])
                raise NoSubmission(f"{len(fitting)} files end in {ending} ({names}): hand in one")
            if fitting:
                return fitting[0]
    raise NoSubmission("there is no notebook (.ipynb), Python file or zip archive to grade")


def write_placeholder(path: Path) -> None:
    """Put a submission without code where Otter will look for the student's."""
    empty = {"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    path.write_text(json.dumps(empty) if path.suffix == ".ipynb" else "", encoding="utf-8")
