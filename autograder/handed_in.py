"""What a zip for handing in says of itself: the receipt in it, and whether it fits the notebook.

Nothing of the notebook is run, so this is safe for a stranger's file.
"""

from __future__ import annotations

import io
import json
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autograder.inside.archive import Unreadable, member
from autograder.inside.reading import MAX_BYTES
from autograder.lab import receipt
from autograder.lab.public import notebook_tests
from autograder.wire.text import clean_line

_OTHER_LAB = (
    "The package moe_lab was not that of this course's release: another version, or a changed one."
)
_OTHER_CHECKS = (
    "The public checks in the notebook are not those of this course's release: another version, or "
    "changed ones."
)


class NoReceipt(Exception):  # noqa: N818
    """The archive holds no receipt that can be read; the message is a clause that says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HandedIn:
    """A receipt, with what is wrong with it (`problems`) and what only looks odd (`remarks`)."""

    receipt: Mapping[str, Any]
    problems: tuple[str, ...]
    remarks: tuple[str, ...]


def read_handed_in(path: Path, course: str) -> HandedIn:
    """Read a zip that `hand_in` packed, without running anything. Raises `NoReceipt`."""
    try:
        data = path.read_bytes()
        notebook, _ = member(data, max_bytes=MAX_BYTES)
        found = receipt.read_receipt(_receipt_in(data))
    except OSError as error:
        raise NoReceipt(f"it cannot be read: {error.strerror or error}") from error
    except (Unreadable, ValueError) as error:
        raise NoReceipt(str(error)) from error
    return HandedIn(
        receipt=found,
        problems=tuple(receipt.problems(found, notebook)),
        remarks=tuple(_remarks(found, notebook, course)),
    )


def _receipt_in(data: bytes) -> bytes:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = [e for e in archive.infolist() if e.filename.endswith(receipt.ENDING)]
            if not entries:
                raise NoReceipt(
                    "it holds no receipt: the notebook's last cell writes one (`moelab grade` "
                    "grades it all the same)"
                )
            with archive.open(entries[-1]) as file:
                return file.read(receipt.MAX_BYTES + 1)
    except (zipfile.BadZipFile, NotImplementedError, EOFError, zlib.error) as error:
        raise NoReceipt("the archive is damaged") from error


def _remarks(found: Mapping[str, Any], notebook: bytes, course: str) -> list[str]:
    told = []
    if found["moe_lab"] != receipt.lab_digest():
        told.append(_OTHER_LAB)
    try:
        checks = receipt.tests_digest(notebook_tests(json.loads(notebook)))
    except (ValueError, RecursionError, AttributeError):
        checks = ""
    known = _checks_of(found["assignment"], course)
    if known and checks != known:
        told.append(_OTHER_CHECKS)
    return told


def _checks_of(assignment: str, course: str) -> str:
    """The digest of the course's own public checks; "" for an assignment that it does not have."""
    from autograder.build.otter_tests import otter_test
    from autograder.grading.course import CourseError, load_assignment

    try:
        known = load_assignment(assignment, course)
    except CourseError:
        return ""
    return receipt.tests_digest({e.name: otter_test(e) for e in known.exercises})


def summary_lines(handed_in: HandedIn) -> list[str]:
    """The receipt in lines for people; all text in it is a stranger's, and cleaned here."""
    found = handed_in.receipt
    versions = ", ".join(f"{name} {version}" for name, version in found["versions"].items())
    rows = found["results"]
    said = {
        "assignment": found["assignment"],
        "notebook": f"{found['notebook']}, {found['digest']}",
        "written": f"{found['time']} (the clock of the student's machine)",
        "with": versions,
        "passed": f"{sum(row['passed'] for row in rows)} of {len(rows)} public checks",
    }
    checks = (
        f"  {'✓' if row['passed'] else '✗'} " + clean_line(f"{row['exercise']}: {row['title']}")
        for row in rows
    )
    return [*(f"{word:<12}{clean_line(text)}" for word, text in said.items()), *checks]
