"""The notebooks, scripts and other files inside a zip archive, read in memory, never extracted."""

from __future__ import annotations

import io
import lzma
import re
import stat
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

_PICTURE = "a picture, not code"
_UNPACK = "unpack it and hand in the notebook itself, or a zip archive"
_OFFICE = "an office document; hand in the notebook itself"

_STARTS = (
    (b"%PDF-", "a PDF document; hand in the notebook itself"),
    (b"\x89PNG\r\n", _PICTURE),
    (b"\xff\xd8\xff", _PICTURE),
    (b"GIF87a", _PICTURE),
    (b"GIF89a", _PICTURE),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", _OFFICE),
    (b"{\\rtf", _OFFICE),
    (b"Rar!\x1a\x07", f"a RAR archive; {_UNPACK}"),
    (b"7z\xbc\xaf\x27\x1c", f"a 7z archive; {_UNPACK}"),
    (b"\x1f\x8b", f"compressed with gzip; {_UNPACK}"),
    (b"BZh91AY&SY", f"compressed with bzip2; {_UNPACK}"),
    (b"\xfd7zXZ\0", f"compressed with xz; {_UNPACK}"),
    (b"\x28\xb5\x2f\xfd", f"compressed with zstd; {_UNPACK}"),
    (b"\x7fELF", "a program, not a Python file"),
    (b"MZ\x90\0", "a program, not a Python file"),
    (b"SQLite format 3\0", "a database, not a notebook"),
    (b"version https://git-lfs", "a pointer of Git LFS, not the notebook"),
    (b"\x89HDF\r\n", "a data file (HDF5), not a notebook"),
    (b"\x93NUMPY", "a data file (NumPy), not a notebook"),
)
_WEB_PAGE = re.compile(rb"\s*<(!doctype\s+html|html|head|body|!--|\?xml|svg)\b", re.IGNORECASE)
_OFFICE_PARTS = ("[Content_Types].xml", "mimetype", "Index/Document.iwa")


def known_kind(data: bytes) -> str:
    """What these bytes are, as the end of "the file is …"; "" where it is none of the kinds."""
    if not data.strip(b"\0 \t\r\n"):
        return "empty: it holds nothing but zero bytes" if b"\0" in data else "empty"
    for start, kind in _STARTS:
        if data.startswith(start):
            return kind
    if data[257:262] == b"ustar":
        return f"a tar archive; {_UNPACK}"
    if _WEB_PAGE.match(data[:500].removeprefix(b"\xef\xbb\xbf")):
        return "a web page; download the notebook itself"
    return ""


def archive_kind(names: Sequence[str]) -> str:
    """What an archive without a notebook is, by the names in it; "" where nothing tells."""
    if not names:
        return "an empty archive"
    return _OFFICE if any(name in names for name in _OFFICE_PARTS) else ""


MAX_ENTRIES = 2_000
MAX_CANDIDATES = 60  # notebooks and scripts that are looked at
MAX_BESIDE = 400  # other files
MAX_BYTES_BESIDE = 24 * 1024 * 1024  # of all of them
_UNOPENED = (".zip", ".tar", ".gz", ".tgz", ".7z", ".rar")


class Unreadable(Exception):  # noqa: N818
    """A submission that cannot be read; the message is a clause that says why."""


@dataclass(frozen=True, slots=True)
class Contents:
    """What an archive holds: notebooks and scripts (`candidates`) and `others`, by their paths."""

    candidates: Mapping[str, bytes]
    others: Mapping[str, bytes]

    def beside(self, name: str) -> dict[str, bytes]:
        """The files that lie beside the file `name`, by their path from its folder on."""
        folder = name.rpartition("/")[0]
        start = f"{folder}/" if folder else ""
        found = {**self.others, **self.candidates}
        return {path.removeprefix(start): data for path, data in found.items() if path != name}


def open_archive(data: bytes, *, max_bytes: int, max_entries: int = MAX_ENTRIES) -> Contents:
    """Read the notebooks and scripts in an archive, and as many other files as limits allow.

    Of equal files the first counts. A file that cannot be read is left out, unless nothing else is
    there: then its reason is raised as `Unreadable`. macOS packs `__MACOSX`, which is not opened.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return _contents_of(archive, max_bytes, max_entries)
    except zipfile.BadZipFile as error:
        raise Unreadable("the file is a damaged zip archive") from error


def _contents_of(archive: zipfile.ZipFile, max_bytes: int, max_entries: int) -> Contents:
    entries = _listed(archive, max_entries)
    candidates: dict[str, bytes] = {}
    others: dict[str, bytes] = {}
    seen: set[tuple[str, int, int]] = set()
    problem: Unreadable | None = None
    left, left_beside = max_bytes, MAX_BYTES_BESIDE
    for entry in sorted(entries, key=lambda entry: entry.filename.count("/")):
        name = _path(entry.filename)
        is_candidate = name.lower().endswith((".ipynb", ".py"))
        alike = (name.rpartition(".")[2].lower(), entry.CRC, entry.file_size)
        if not name or (is_candidate and entry.file_size and alike in seen):
            continue
        if len(candidates if is_candidate else others) >= (
            MAX_CANDIDATES if is_candidate else MAX_BESIDE
        ):
            continue
        try:
            if is_candidate:
                candidates[name] = _read(archive, entry, max_bytes)
                left -= len(candidates[name])
                seen.add(alike)
            elif entry.file_size <= left_beside:
                others[name] = _read(archive, entry, left_beside)
                left_beside -= len(others[name])
        except Unreadable as error:
            problem = problem or (error if is_candidate else None)
        if left < 0:
            raise Unreadable(f"the file is an archive of more than {max_bytes:,} bytes of code")
    if not candidates:
        raise problem or _nothing_in(entries, archive)
    return Contents(candidates, others)


def _listed(archive: zipfile.ZipFile, max_entries: int) -> list[zipfile.ZipInfo]:
    entries = archive.infolist()
    if len(entries) > max_entries:
        raise Unreadable(f"the file is an archive of more than {max_entries:,} files")
    return [entry for entry in entries if not _is_ignored(entry)]


def _nothing_in(found: Sequence[zipfile.ZipInfo], archive: zipfile.ZipFile) -> Unreadable:
    """Why an archive without notebooks and scripts is no submission."""
    if any(entry.filename.lower().endswith(_UNOPENED) for entry in found):
        return Unreadable("the file is an archive inside an archive; hand in the notebook itself")
    kind = archive_kind([entry.filename for entry in archive.infolist()])
    return Unreadable(f"the file is {kind or 'an archive without a notebook or a Python file'}")


def _read(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, max_bytes: int) -> bytes:
    """Read one file; `Unreadable` for whatever is wrong with it alone."""
    try:
        return _contents(archive, entry, max_bytes)
    except NotImplementedError as error:
        raise Unreadable("the archive is packed in a way that cannot be opened here") from error
    except (EOFError, OSError, ValueError, zlib.error, lzma.LZMAError, zipfile.BadZipFile) as error:
        raise Unreadable("the file is a damaged zip archive") from error


def _path(name: str) -> str:
    """A file's path in the archive, which leads nowhere else."""
    parts = name.replace("\\", "/").split("/")
    return "/".join(part for part in parts if part not in ("", ".", "..") and "\0" not in part)


def member(data: bytes, *, max_bytes: int, max_entries: int = MAX_ENTRIES) -> tuple[bytes, str]:
    """Return the contents and the name of the archive's only notebook, or else its only `.py`.

    For the zip that the lab packs for handing in. Raises `Unreadable`.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entry = _choose(archive, max_entries)
            return _read(archive, entry, max_bytes), entry.filename
    except zipfile.BadZipFile as error:
        raise Unreadable("the file is a damaged zip archive") from error


def _choose(archive: zipfile.ZipFile, max_entries: int) -> zipfile.ZipInfo:
    candidates = _listed(archive, max_entries)
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
    raise _nothing_in(candidates, archive)


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
