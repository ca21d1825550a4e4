"""File names for students, whatever they are called: safe on every system, and never the same."""

from __future__ import annotations

import hashlib
import re
import unicodedata

LONGEST = 60  # characters of the readable part
_PLAIN = re.compile(r"[a-z0-9](?:[a-z0-9_-]{0,58}[a-z0-9])?")
_HASHED = re.compile(r".*-[0-9a-f]{16}")
_DEVICES = re.compile(r"con|prn|aux|nul|(?:com|lpt)[0-9]")  # names that Windows keeps for itself


def safe_name(name: str) -> str:
    """A name of lower-case letters, digits, `-` and `_` for a file or folder.

    Names that are such already stay as they are. All others, and names that look like the result
    of this function, end with a hash of the original, so that different names stay different also
    where a file system ignores case or accents.
    """
    if _PLAIN.fullmatch(name) and not _HASHED.fullmatch(name) and not _DEVICES.fullmatch(name):
        return name
    ascii_only = unicodedata.normalize("NFKD", name[:400]).encode("ascii", "ignore").decode("ascii")
    readable = re.sub(r"[^a-z0-9_]+", "-", ascii_only.lower()).strip("-_")[:LONGEST]
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:16]
    return f"{readable or 'student'}-{digest}"
