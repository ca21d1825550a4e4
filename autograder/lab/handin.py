"""The last cell of a lab: pack the saved notebook with a receipt.

What counts is what is saved, so the saved notebook is compared with what ran here, and run once
more from the top, as the grader does.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from autograder.lab.public import PublicResult, notebook_tests, results_from_json, run_public_checks
from autograder.lab.receipt import ENDING, digest, receipt_for
from autograder.lab.saved import helper_files, helpers_of, notebooks_of, this_notebook, unsaved_functions

CHECKING = "MOE_LAB_CHECKING"  # set while a notebook is run for its checks: nothing is packed then
_MODULE = f"{__name__.rpartition('.')[0]}.check"
_PACKAGE_FOLDER = Path(__file__).resolve().parents[__name__.count(".")]


def hand_in(grader: Any, notebook: str, *, as_saved: bool = False) -> None:
    """Compare what is saved with what ran, write a receipt, and pack both into a zip.

    `grader` is the `otter.Notebook` of the first cell, `notebook` the file's name. Nothing is
    packed where the saved notebook holds other functions than those that ran here, or fails a check
    that passes here, unless `as_saved` asks for it. The receipt tells what passed when the saved
    notebook ran from the top.
    """
    if os.environ.get(CHECKING):
        _say("Nothing is packed while the notebook's checks are run.")
        return
    try:
        path = Path(this_notebook(notebook)).resolve()
        data = path.read_bytes()
        content = json.loads(data.decode("utf-8-sig"))
        tests = notebook_tests(content)
    except (OSError, ValueError) as problem:
        _say(f"Nothing was packed: {problem}")
        return
    namespace = vars(sys.modules["__main__"])
    here = list(run_public_checks(tests, namespace))
    wrong = {} if as_saved else unsaved_functions(content, namespace, list(tests))
    results = here
    if not wrong:
        _say(f"Running {path.name} once more from the top, as it is saved …")
        results, wrong = _as_saved(path, here)
    if wrong and not as_saved:
        _say(_refusal(path, notebook, content, wrong))
        return
    archive = _packed(grader, path, data, results)
    if archive is None:
        _say("Nothing was packed: the notebook was saved meanwhile. Run this cell once more.")
        return
    receipt = path.with_name(path.stem + ENDING).name
    passed = sum(result.passed for result in results)
    _say(f"{passed} of {len(results)} public checks pass; {receipt} says so.")
    for exercise, why in wrong.items():
        _say(f"  {exercise}: {why}.")
    for name, why in unsaved_functions(content, namespace, helpers_of(namespace)).items():
        _say(f"Note: {name} ran here, but {why}. The grade is for what is saved.")
    _say(f"Hand in {archive.name}.")


def _as_saved(path: Path, here: list[PublicResult]) -> tuple[list[PublicResult], dict[str, str]]:
    """The results of the saved notebook, run anew; and the exercises that fail there alone."""
    with tempfile.TemporaryDirectory() as folder:
        written = Path(folder) / "results.json"
        program = f"import sys\nsys.path.insert(0, {str(_PACKAGE_FOLDER)!r})\n"
        program += f"from {_MODULE} import main\nsys.exit(main())"
        done = subprocess.run(  # noqa: S603 - the student's own notebook, on their own machine
            [sys.executable, "-P", "-c", program, str(path), "--json", str(written)],
            cwd=path.parent,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            check=False,
        )
        if not written.is_file():
            why = done.stderr.strip().splitlines()[-1:] or ["it ended early"]
            _say(f"It could not be run anew, so what counts below is what passed here. {why[0]}")
            return here, {}
        results = results_from_json(written.read_text(encoding="utf-8"))
    passed_here = {(one.exercise, one.title) for one in here if one.passed}
    return results, {
        one.exercise: f"passes here, but not in the saved notebook ({_first_line(one.message)})"
        for one in results
        if not one.passed and (one.exercise, one.title) in passed_here
    }


def _first_line(message: str) -> str:
    return message.strip().partition("\n")[0]


def _refusal(path: Path, name: str, content: Mapping[str, Any], wrong: Mapping[str, str]) -> str:
    """Why nothing was packed, and what to do next."""
    lines = [f"Nothing was packed: what is saved in {path.name} is not what ran here."]
    lines += [f"  {exercise}: {why}." for exercise, why in wrong.items()]
    lines.append(
        "Save the notebook (Ctrl+S, on a Mac Cmd+S), choose Restart Kernel and Run All Cells, and "
        "run this cell again."
    )
    others = [other for other in notebooks_of(Path(name).stem) if Path(other).resolve() != path]
    if others:
        lines.append(
            f"If you work in another copy ({', '.join(others)}), write its name into this cell."
        )
    lines.append(
        f"To hand in the file as it is saved: hand_in(grader, {path.name!r}, as_saved=True)"
    )
    return "\n".join(lines)


def _packed(grader: Any, path: Path, data: bytes, results: list[PublicResult]) -> Path | None:
    """The zip with notebook, receipt and helper modules; None where the notebook has changed."""
    receipt = path.with_name(path.stem + ENDING)
    receipt.write_text(receipt_for(path.name, data, results), encoding="utf-8")
    archive = path.with_name(f"{path.stem}_{datetime.now():%Y_%m_%dT%H_%M_%S_%f}.zip")
    with contextlib.chdir(path.parent):
        grader.export(
            path.name,
            pdf=False,
            ignore_log=True,
            export_path=archive.name,
            files=[receipt.name, *helper_files(path.parent)],
        )
    with zipfile.ZipFile(archive) as packed:
        if digest(packed.read(path.name)) == digest(data):
            return archive
    archive.unlink()
    return None


def _say(text: str) -> None:
    """Tell the student, below the cell."""
    print(text, flush=True)  # noqa: T201
