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
# A folder as Gradescope exports one: `moelab grade` takes all that lies in it for one submission.
SUBMISSION = "submission_00001"
_MADE_BY_OTTER = "__init__.py"  # empty, in every submission's folder
_PREFIX = "moelab-submission-"


class NoSubmission(Exception):  # noqa: N818
    """The folder holds nothing that can be graded; the message says so."""


def set_aside(folder: Path, *, keep: str = "") -> Path:
    """Move everything out of a folder, but for the entry `keep`, and return where it is now.

    That is a new folder beside it, in which the files are one submission of Gradescope's.
    """
    aside = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=folder.parent))
    (aside / SUBMISSION).mkdir()
    for name in os.listdir(folder):
        if name != keep and not (keep and _is_otters(folder / name)):
            shutil.move(folder / name, aside / SUBMISSION / name)
    return aside


@contextmanager
def submission_aside(folder: Path) -> Iterator[Path]:
    """Set a folder's files aside and bring them back at the end, as if nobody had been there."""
    aside = set_aside(folder)
    try:
        yield aside
    finally:
        shutil.rmtree(folder)
        shutil.move(aside / SUBMISSION, folder)
        aside.rmdir()


def check_handed_in(aside: Path) -> None:
    """Make sure that there is something to grade in a folder; raises `NoSubmission`."""
    if not find_submissions([aside]):
        raise NoSubmission("there is no notebook (.ipynb), Python file or zip archive to grade")


def _is_otters(path: Path) -> bool:
    """Whether Otter has made a file itself just now."""
    made = path.name == _MADE_BY_OTTER and not path.is_symlink()
    return made and path.is_file() and not path.stat().st_size


def write_placeholder(path: Path) -> None:
    """Put a submission without code where Otter will look for the student's."""
    empty = {"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    path.write_text(json.dumps(empty) if path.suffix == ".ipynb" else "", encoding="utf-8")
