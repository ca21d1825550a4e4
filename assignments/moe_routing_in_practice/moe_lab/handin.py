"""The last cell of a lab: pack the saved notebook with a receipt."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from .public import notebook_tests, run_public_checks
from .receipt import ENDING, digest, receipt_for


def hand_in(grader: Any, notebook: str) -> None:
    """Run the public checks, write a receipt, and export both with the saved notebook.

    `grader` is the `otter.Notebook` of the first cell, `notebook` the file's name. The checks see
    what the cells have defined so far. Raises `ValueError` for a notebook without checks.
    """
    path = Path(notebook)
    data = path.read_bytes()
    tests = notebook_tests(json.loads(data))
    results = list(run_public_checks(tests, vars(sys.modules["__main__"])))
    receipt = path.with_name(path.stem + ENDING)
    receipt.write_text(receipt_for(path.name, data, results), encoding="utf-8")
    print(  # noqa: T201 - read by the student, below the cell
        f"{sum(result.passed for result in results)} of {len(results)} public checks pass; "
        f"{receipt.name} says so."
    )
    grader.export(str(path), pdf=False, ignore_log=True, files=[str(receipt)])
    if digest(path.read_bytes()) != digest(data):
        print("The notebook was saved meanwhile: run this cell once more.")  # noqa: T201
