"""A whole class in one zip, as learning platforms export it: listed and read, never extracted.

The archive is listed in a process of its own with limits on its memory and time, since whoever
made it decides how much there is to list. Its files are read one by one, each up to a size.
"""

from __future__ import annotations

import calendar
import json
import stat
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from autograder.submission.limited_process import ask

MAX_MEMBERS = 20_000


class MemberProblem(Exception):  # noqa: N818
    """A file in an archive that cannot be read; the message is a clause that says why."""


@dataclass(frozen=True, slots=True)
class Member:
    """One regular file in an archive: its path as written there, and when it was last changed."""

    name: str
    modified: float


def list_members(archives: Sequence[Path]) -> dict[Path, list[Member]]:
    """The files in each archive that can be listed; the others are not among the keys."""
    if not archives:
        return {}
    asked = json.dumps([str(archive) for archive in archives])
    found = ask(listed_as_json, asked.encode("ascii"))
    if found is None:
        return {}
    return {
        archive: [Member(name, modified) for name, modified in members]
        for archive, members in zip(archives, found, strict=True)
        if members is not None
    }


def listed_as_json(archives: bytes) -> list[list[tuple[str, float]] | None]:
    """What `list_members` runs in another process."""
    return [_listed(archive) for archive in json.loads(archives)]


def read_member(archive: Path, name: str, max_bytes: int) -> bytes:
    """Read one file of an archive, at most `max_bytes` + 1; raises `MemberProblem`."""
    try:
        with zipfile.ZipFile(archive) as opened, opened.open(name) as stream:
            return stream.read(max_bytes + 1)
    except (NotImplementedError, RuntimeError) as error:
        raise MemberProblem(
            "the class's archive has a password or is packed in a way that cannot be opened here"
        ) from error
    except Exception as error:  # each way of packing has errors of its own
        raise MemberProblem("the file is damaged in the class's archive") from error


def _listed(archive: str) -> list[tuple[str, float]] | None:
    try:
        with zipfile.ZipFile(archive) as opened:
            entries = opened.infolist()
    except (OSError, MemoryError, ValueError, zipfile.BadZipFile, NotImplementedError):
        return None
    if len(entries) > MAX_MEMBERS:
        return None
    return [
        (entry.filename, _time(entry)) for entry in entries if not entry.is_dir() and _plain(entry)
    ]


def _plain(entry: zipfile.ZipInfo) -> bool:
    return stat.S_IFMT(entry.external_attr >> 16) in (0, stat.S_IFREG)


def _time(entry: zipfile.ZipInfo) -> float:
    try:
        return float(calendar.timegm((*entry.date_time, 0, 0, 0)))
    except (OverflowError, ValueError):  # a month 0, say
        return 0.0
