"""What a zip for handing in says of itself: the receipt in it, and whether it fits the notebook.

Nothing of the notebook is run, and the file is read in a process with limits of its own: what it
unpacks to, and how deeply its JSON is nested, is a stranger's choice.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autograder.courses import packages_of
from autograder.notebook.archive import Unreadable, member
from autograder.notebook.reading import MAX_BYTES
from autograder.submission.limited_process import ask
from autograder.text import clean_line
from moelab_kit import handing_in
from moelab_kit.check import notebook_tests

_OTHER_LAB = (
    "The package {} was not that of this course's release: another version, or a changed one."
)
_OTHER_CHECKS = (
    "The public checks in the notebook are not those of this course's release: another version, or "
    "changed ones."
)
_DAMAGED = "the file is a damaged zip archive: hand in the one that the last cell wrote"


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
        if path.stat().st_size > MAX_BYTES:
            raise NoReceipt(f"the file is larger than {MAX_BYTES:,} bytes")
        data = path.read_bytes()
    except OSError as error:
        raise NoReceipt(f"it cannot be read: {error.strerror or error}") from error
    told = ask(read_apart, data)
    if told is None:
        raise NoReceipt("it cannot be read: it unpacks to too much, or is nested too deeply")
    if told["problem"]:
        raise NoReceipt(told["problem"])
    return HandedIn(
        receipt=told["receipt"],
        problems=tuple(told["problems"]),
        remarks=tuple(_remarks(told["receipt"], told["checks"], course)),
    )


def read_apart(data: bytes) -> dict[str, Any]:
    """Read an archive in a process that may be ended: its receipt, or the `problem` with it.

    `checks` is the digest of the notebook's public checks, "" where it has none.
    """
    try:
        notebook, _ = member(data, max_bytes=MAX_BYTES)
        found = handing_in.read_receipt(_receipt_in(data))
        return {
            "problem": "",
            "receipt": found,
            "problems": handing_in.problems(found, notebook),
            "checks": _checks_in(notebook),
        }
    except (NoReceipt, Unreadable) as error:
        problem = str(error)
    except ValueError as error:
        problem = str(error) if "receipt" in str(error) else _DAMAGED
    except (RecursionError, MemoryError):
        problem = "it is nested too deeply or too large to be read"
    except Exception:  # a damaged archive fails in as many ways as there are ways to pack one
        problem = _DAMAGED
    return {"problem": clean_line(problem, 500)}


def _receipt_in(data: bytes) -> bytes:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        entries = [e for e in archive.infolist() if e.filename.endswith(handing_in.ENDING)]
        if not entries:
            raise NoReceipt(
                "it holds no receipt: the notebook's last cell writes one (`moelab grade` "
                "grades it all the same)"
            )
        if entries[-1].flag_bits & 0x1:
            raise NoReceipt("the receipt in it has a password: hand in the file without one")
        with archive.open(entries[-1]) as file:
            return file.read(handing_in.MAX_BYTES + 1)


def _checks_in(notebook: bytes) -> str:
    try:
        return handing_in.tests_digest(notebook_tests(json.loads(notebook)))
    except (ValueError, RecursionError, AttributeError):
        return ""


def _remarks(found: Mapping[str, Any], checks: str, course: str) -> list[str]:
    told = []
    packages = ("moelab_kit", *packages_of(course))
    if found["moe_lab"] != handing_in.digest_of_packages(packages):
        told.append(_OTHER_LAB.format(packages[-1]))
    known = _checks_of(found["assignment"], course)
    if known and checks != known:
        told.append(_OTHER_CHECKS)
    return told


def _checks_of(assignment: str, course: str) -> str:
    """The digest of the course's own public checks; "" for an assignment that it does not have."""
    from autograder.authoring.course import CourseError, load_assignment
    from autograder.edition.otter_tests import otter_test

    try:
        known = load_assignment(assignment, course)
    except CourseError:
        return ""
    return handing_in.tests_digest({e.name: otter_test(e) for e in known.exercises})


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
