"""Zip archives that are the same bytes for the same contents, on every machine; the lab's files."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable, Mapping
from importlib import import_module
from pathlib import Path

from autograder.courses import OURS

_LONG_AGO = (1980, 1, 1, 0, 0, 0)  # the earliest time that a zip archive can tell
_FILE, _PROGRAM = 0o100644, 0o100755
_UNIX = 3


def archive_of(files: Mapping[str, bytes]) -> bytes:
    """Pack files by their path; scripts (a first line with `#!`) may be executed.

    Nothing is compressed: what a compressor writes differs from one version of it to the next.
    """
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(files):
            entry = zipfile.ZipInfo(name, _LONG_AGO)
            entry.create_system = _UNIX
            entry.external_attr = (_PROGRAM if files[name][:2] == b"#!" else _FILE) << 16
            archive.writestr(entry, files[name])
    return packed.getvalue()


def files_below(folder: Path, prefix: str = "") -> dict[str, bytes]:
    """Every file below a folder by its path, without what Python and editors leave behind."""
    found = {}
    for path in sorted(folder.rglob("*")):
        parts = path.relative_to(folder).parts
        hidden = any(part.startswith(".") or part == "__pycache__" for part in parts)
        if path.is_file() and not hidden:
            found["/".join((*filter(None, [prefix]), *parts))] = path.read_bytes()
    return found


def write_archive(root: Path, name: str, data: bytes) -> list[str]:
    """Bring `root/name` up to date; one sentence where that changed something."""
    path = root / name
    if path.is_file() and path.read_bytes() == data:
        return []
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return [f"wrote {name}"]


def lab_files(packages: Iterable[str] = OURS) -> dict[str, bytes]:
    """`moelab_kit` and the other packages of a course's students, as they are imported."""
    found: dict[str, bytes] = {}
    for name in ("moelab_kit", *packages):
        found |= files_below(Path(str(import_module(name).__file__)).parent, name)
    return found
