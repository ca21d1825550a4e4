"""The codes of a class in the folders that Dolos and JPlag read."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path

from autograder.report.files import make_folder, write_text
from autograder.report.naming import safe_name
from autograder.report.table import cell
from autograder.similar.corpus import Author

KINDS = ("dolos", "jplag")


def export(kind: str, authors: Sequence[Author], folder: Path) -> Path:
    """Write each student's functions for `dolos` or `jplag`, and return what to give it.

    Dolos reads `info.csv`, with a file for each student; JPlag a folder for each submission.
    """
    make_folder(folder)
    rows = []
    for one in authors:
        name = safe_name(one.student)
        text = "\n\n\n".join(one.codes.values()) + "\n"
        if kind == "jplag":
            make_folder(folder / name)
            write_text(folder / name / "code.py", text, durable=False)
        else:
            write_text(folder / f"{name}.py", text, durable=False)
            rows.append([f"{name}.py", cell(one.student), cell(one.earlier or "this class")])
    if kind == "jplag":
        return folder
    out = io.StringIO()
    csv.writer(out).writerows([["filename", "full_name", "labels"], *rows])
    write_text(folder / "info.csv", out.getvalue())
    return folder / "info.csv"
