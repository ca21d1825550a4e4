"""The figures that students drew, as PNG files that a browser can be shown without fear."""

from __future__ import annotations

import struct
from dataclasses import dataclass

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_LONGEST = 4_000  # pixels of a side: what a browser unpacks stays below 64 MB
_LARGEST = 4 << 20  # bytes


@dataclass(frozen=True, slots=True)
class Picture:
    """A PNG with its size in pixels."""

    data: bytes
    width: int
    height: int


def picture(data: bytes) -> Picture | None:
    """The picture, if the bytes are those of a PNG of sensible size; its content stays unread."""
    if not data.startswith(_SIGNATURE) or data[12:16] != b"IHDR" or not 33 <= len(data) <= _LARGEST:
        return None
    width, height = struct.unpack(">II", data[16:24])
    if not (0 < width <= _LONGEST and 0 < height <= _LONGEST):
        return None
    return Picture(data, width, height)
