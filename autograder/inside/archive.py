"""The one notebook or script inside a zip archive, read in memory and never extracted."""

from __future__ import annotations

import io
import stat
import zipfile
import zlib
from collections.abc import Sequence

from autograder.inside.foreign import archive_kind

MAX_ENTRIES = 2_000
_UNOPENED = (".zip", ".tar", ".gz", ".tgz", ".7z", ".rar")


class Unreadable(Exception):  # noqa: N818
    """A submission that cannot be read; the message is a clause that says why."""


def member(data: bytes, *, max_bytes: int, max_entries: int = MAX_ENTRIES) -> tuple[bytes, str]:
    """Return the contents and the name of the archive's only notebook, or else its only `.py`.

    Copies of the same file count once. Otter's `grader.export()` also packs a PDF, its log and its
    settings; macOS packs `__MACOSX`: none of them is opened. Raises `Unreadable`.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entry = _choose(archive.infolist(), max_entries)
            return _contents(archive, entry, max_bytes), entry.filename
    except zipfile.BadZipFile as error:
        raise Unreadable("the file is a damaged zip archive") from error
    except NotImplementedError as error:
        raise Unreadable("the archive is packed in a way that cannot be opened here") from error
    except (EOFError, zlib.error) as error:
        raise Unreadable("the file is a damaged zip archive") from error


def _choose(entries: Sequence[zipfile.ZipInfo], max_entries: int) -> zipfile.ZipInfo:
    if len(entries) > max_entries:
        raise Unreadable(f"the file is an archive of more than {max_entries:,} files")
    candidates = [entry for entry in entries if not _is_ignored(entry)]
    for ending in (".ipynb", ".py"):
        found = [entry for entry in candidates if entry.filename.lower().endswith(ending)]
        different = {(entry.CRC, entry.file_size): entry for entry in reversed(found)}
        if len(different) > 1:
            names = ", ".join(sorted(_shown(entry.filename) for entry in different.values())[:3])
            raise Unreadable(
                f"the file is an archive of {len(different)} files that end in {ending} ({names}); "
                "hand in one"
            )
        if found:
            return found[0]
    if any(entry.filename.lower().endswith(_UNOPENED) for entry in candidates):
        raise Unreadable("the file is an archive inside an archive; hand in the notebook itself")
    kind = archive_kind([entry.filename for entry in entries])
    raise Unreadable(f"the file is {kind or 'an archive without a notebook or a Python file'}")


def _is_ignored(entry: zipfile.ZipInfo) -> bool:
    parts = entry.filename.replace("\\", "/").split("/")
    if entry.is_dir() or any(part in ("__MACOSX", "__pycache__") for part in parts):
        return True
    return any(part.startswith(".") and part.strip(".") for part in parts)


def _contents(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, max_bytes: int) -> bytes:
    name = _shown(entry.filename)
    mode = entry.external_attr >> 16
    if mode and stat.S_IFMT(mode) not in (0, stat.S_IFREG):
        raise Unreadable(f"the file is an archive in which {name} is a link, not a file")
    if entry.flag_bits & 0x1:
        raise Unreadable("the file is an archive with a password")
    if entry.file_size > max_bytes:
        raise Unreadable(_too_large(name, max_bytes))
    with archive.open(entry) as stream:
        contents = stream.read(max_bytes + 1)
    if len(contents) > max_bytes:
        raise Unreadable(_too_large(name, max_bytes))
    return contents


def _too_large(name: str, max_bytes: int) -> str:
    return f"the file is an archive in which {name} is larger than {max_bytes:,} bytes"


def _shown(name: str) -> str:
    """A file name as it may stand in a message."""
    return "".join(letter if letter.isprintable() else "?" for letter in name[-80:])
