"""A receipt for what was handed in: which notebook, when, with what, and what passed.

A receipt is evidence, not proof: it is made on the student's own machine, where whoever understands
this file can make another one. It shows that a notebook or receipt was changed afterwards by
somebody who did not take that trouble, and which versions an honest student used.
"""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from autograder.lab.public import PublicResult, assignment_of, notebook_tests, rows_of

FORMAT_VERSION = 1
ENDING = ".receipt.json"
MAX_BYTES = 1_000_000
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
        "moe_lab": lab_digest(),
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
    """The digest of this package's own files; another version, or a changed one, has another."""
    folder = Path(__file__).parent
    parts = [
        path.name.encode() + b"\0" + path.read_bytes().replace(b"\r\n", b"\n")
        for path in sorted(folder.glob("*.py"))
    ]
    return digest(b"\0".join(parts))


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
