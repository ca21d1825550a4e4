"""Writing report files: whole or not at all, and known to be possible before any work is done."""

from __future__ import annotations

import os
import secrets
import tempfile
from pathlib import Path


class ReportError(Exception):
    """A report cannot be written or read; the message says which, and why, in a sentence."""


def check_writable(path: Path) -> None:
    """Make sure that `write_text` will be able to write this file."""
    if path.is_dir():
        raise ReportError(f"{path} is a folder: name a file in it")
    if not path.parent.is_dir():
        raise ReportError(f"{path} cannot be written: there is no folder {path.parent}")
    try:
        if _is_special(path):
            return
        with tempfile.TemporaryFile(dir=path.parent):
            pass
    except OSError as error:
        raise ReportError(f"{path} cannot be written: {error.strerror or error}") from error


def make_folder(folder: Path) -> None:
    """Make a report's folder, and make sure that files can be written there."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ReportError(f"{folder} cannot be made: {error.strerror or error}") from error
    check_writable(folder / "index.html")


def write_text(path: Path, text: str, *, durable: bool = True) -> None:
    """Write UTF-8 text as it stands; see `write_bytes`."""
    write_bytes(path, text.encode("utf-8"), durable=durable)


def write_bytes(path: Path, data: bytes, *, durable: bool = True) -> None:
    """Write bytes; a reader finds the old file or the new one, never a part.

    That holds also when the machine loses power, if `durable`; which takes a moment for each file.
    """
    try:
        if _is_special(path):
            path.write_bytes(data)
        else:
            _replace(path.resolve(), data, durable=durable)
    except OSError as error:
        raise ReportError(f"{path} cannot be written: {error.strerror or error}") from error


def _replace(path: Path, data: bytes, *, durable: bool) -> None:
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
    try:
        with open(descriptor, "wb") as file:
            file.write(data)
            if durable:
                file.flush()
                os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _is_special(path: Path) -> bool:
    """Whether the path is a pipe or a device, such as /dev/stdout, which cannot be replaced."""
    return path.exists() and not path.is_file()
