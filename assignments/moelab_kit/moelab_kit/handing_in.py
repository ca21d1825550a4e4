"""The last cell of a lab: pack the saved notebook with a receipt, which the grader reads again.

What counts is what is saved, so the saved notebook is compared with what ran here, and run once
more from the top, as the grader does.

A receipt tells which notebook was handed in, when, with what, and what passed. It is evidence, not
proof: it is made on the student's own machine, where whoever understands this file can make another
one. It shows that a notebook or receipt was changed afterwards by somebody who did not take that
trouble, and which versions an honest student used.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import platform
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from moelab_kit.check import (
    CHECKING,
    PublicResult,
    assignment_of,
    notebook_tests,
    results_from_json,
    rows_of,
    run_public_checks,
)
from moelab_kit.saved import (
    helper_files,
    helpers_of,
    notebooks_of,
    this_notebook,
    unsaved_functions,
)

FORMAT_VERSION = 1
ENDING = ".receipt.json"
MAX_BYTES = 1_000_000
LAB_PACKAGES = ("moelab_kit", "moe_lab")
_PACKAGES = ("torch", "transformers", "numpy", "matplotlib", "otter-grader")
_KEYS = {
    "format_version",
    "assignment",
    "notebook",
    "digest",
    "time",
    "versions",
    "moe_lab",
    "checks",
    "results",
    "seal",
}
_NESTED = {"versions", "results"}


def receipt_for(
    name: str, data: bytes, results: Iterable[PublicResult], now: datetime | None = None
) -> str:
    """Write the receipt for a notebook's bytes; `now` is the time in UTC, the clock's if None."""
    notebook = json.loads(data)
    content: dict[str, Any] = {
        "format_version": FORMAT_VERSION,
        "assignment": assignment_of(notebook),
        "notebook": name,
        "digest": digest(data),
        "time": (now or datetime.now(UTC)).isoformat(timespec="seconds"),
        "versions": _versions(),
        "moe_lab": digest_of_packages(_packages_of(notebook)),
        "checks": tests_digest(notebook_tests(notebook)),
        "results": rows_of(results),
    }
    return json.dumps({**content, "seal": seal(content)}, indent=1, ensure_ascii=False) + "\n"


def read_receipt(data: bytes) -> dict[str, Any]:
    """Read a receipt; `ValueError` with a clause where it is none."""
    try:
        found = json.loads(data.decode("utf-8")) if len(data) <= MAX_BYTES else None
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict) or set(found) != _KEYS:
        raise ValueError("the receipt cannot be read")
    if found["format_version"] != FORMAT_VERSION:
        raise ValueError("the receipt was written by another version of moe_lab")
    texts = all(isinstance(found[key], str) for key in _KEYS - _NESTED - {"format_version"})
    rows = found["results"]
    if not texts or not isinstance(found["versions"], dict) or not _are_results(rows):
        raise ValueError("the receipt cannot be read")
    return found


def problems(receipt: Mapping[str, Any], notebook: bytes) -> list[str]:
    """What does not fit together, in sentences; an empty list where everything does."""
    told = []
    content = {key: value for key, value in receipt.items() if key != "seal"}
    if receipt["seal"] != seal(content):
        told.append("The receipt was changed after it was written.")
    if receipt["digest"] != digest(notebook):
        told.append("The notebook is not the one that the receipt was written for.")
    return told


def seal(content: Mapping[str, Any]) -> str:
    """The digest over everything else in a receipt."""
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return digest(text.encode())


def digest(data: bytes) -> str:
    """SHA-256 of some bytes, as grade files write it."""
    return "sha256:" + hashlib.sha256(data).hexdigest()


def tests_digest(tests: Mapping[str, str]) -> str:
    """The digest of a notebook's public checks, whatever their order."""
    return digest(json.dumps(sorted(tests.items()), ensure_ascii=True).encode())


def lab_digest() -> str:
    """The digest of moelab's own packages; another version, or a changed one, has another."""
    return _digest_of(LAB_PACKAGES)


def digest_of_packages(packages: Sequence[str]) -> str:
    """The digest of the packages that a course's students have."""
    return lab_digest() if tuple(packages) == LAB_PACKAGES else _digest_of(packages)


def _digest_of(packages: Sequence[str]) -> str:
    found = [find_spec(name) for name in packages]
    folders = [Path(spec.origin).parent for spec in found if spec is not None and spec.origin]
    parts = [
        f"{folder.name}/{path.name}".encode() + b"\0" + path.read_bytes().replace(b"\r\n", b"\n")
        for folder in folders
        for path in sorted(folder.glob("*.py"))
    ]
    return digest(b"\0".join(parts))


def _packages_of(notebook: Mapping[str, Any]) -> Sequence[str]:
    """The packages that a notebook of this lab comes with, as its metadata say."""
    said = notebook.get("metadata", {}).get("moelab", {})
    named = said.get("packages") if isinstance(said, dict) else None
    fine = isinstance(named, list) and all(isinstance(one, str) for one in named)
    return named if named is not None and fine else LAB_PACKAGES


def _versions() -> dict[str, str]:
    found = {"python": platform.python_version(), "system": platform.system()}
    for name in _PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def _are_results(rows: Any) -> bool:
    return isinstance(rows, list) and all(
        isinstance(row, dict)
        and set(row) == {"exercise", "title", "passed", "message"}
        and isinstance(row["passed"], bool)
        and all(isinstance(row[key], str) for key in ("exercise", "title", "message"))
        for row in rows
    )


_PACKAGE_FOLDER = Path(__file__).resolve().parents[1]


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
        program += "from moelab_kit.check import main\nsys.exit(main())"
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
