"""What a file is that is no notebook, script or zip archive: told by its first bytes, in words."""

from __future__ import annotations

import re
from collections.abc import Sequence

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
