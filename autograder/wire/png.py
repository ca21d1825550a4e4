"""Pictures from the sandbox: a PNG is checked part by part, and only what draws it is kept.

A hostile process may send anything, and the picture is later shown in a report: text chunks with
scripts, bytes behind the end, a small file that unpacks to gigapixels. So nothing is decoded into
an image here; the format of ISO/IEC 15948 (PNG, third edition) is followed strictly instead.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator

MAX_BYTES = 200_000
MAX_SIDE = 4_000  # pixels
MAX_PIXELS = 4_000_000

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_KEPT = (b"IHDR", b"PLTE", b"tRNS", b"pHYs", b"IDAT", b"IEND")
_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # by colour type: grey, RGB, palette, with alpha
_DEPTHS = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}


def clean_png(data: object) -> bytes:
    """The same picture without any chunk that is not needed to draw it; b"" for anything else.

    Refused are pictures above `MAX_BYTES`, `MAX_SIDE` or `MAX_PIXELS`, interlaced ones, wrong
    check sums, pixel data of another size than the header announces, and bytes behind the end.
    """
    if type(data) is not bytes or not 0 < len(data) <= MAX_BYTES:
        return b""
    try:
        chunks = [(name, body) for name, body in _chunks(data) if name in _KEPT]
        _check(chunks)
    except (ValueError, struct.error, zlib.error):
        return b""
    return _SIGNATURE + b"".join(_chunk(name, body) for name, body in chunks)


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The chunks of a file, up to and with the last; `ValueError` for a broken one."""
    if not data.startswith(_SIGNATURE):
        raise ValueError("not a PNG")
    at = len(_SIGNATURE)
    while at < len(data):
        length, name = struct.unpack_from(">I4s", data, at)
        body = data[at + 8 : at + 8 + length]
        (checksum,) = struct.unpack_from(">I", data, at + 8 + length)
        if len(body) != length or checksum != zlib.crc32(name + body):
            raise ValueError("a chunk is damaged")
        at += 12 + length
        yield name, body


def _check(chunks: list[tuple[bytes, bytes]]) -> None:
    names = [name for name, _ in chunks]
    pixels = [number for number, name in enumerate(names) if name == b"IDAT"]
    if names[:1] != [b"IHDR"] or names[-1:] != [b"IEND"] or not pixels:
        raise ValueError("chunks are missing, or in another order")
    if pixels != list(range(pixels[0], len(names) - 1)):
        raise ValueError("the pixels are not in one piece, at the end")
    if any(names.count(name) > 1 for name in _KEPT if name != b"IDAT") or chunks[-1][1]:
        raise ValueError("a chunk is there twice")
    size = _unpacked_size(chunks[0][1], dict(chunks).get(b"PLTE"))
    unpacker = zlib.decompressobj()
    packed = b"".join(body for name, body in chunks if name == b"IDAT")
    unpacked = unpacker.decompress(packed, size + 1)
    if len(unpacked) != size or not unpacker.eof or unpacker.unused_data:
        raise ValueError("the pixels are not what the header says")


def _unpacked_size(header: bytes, palette: bytes | None) -> int:
    """How many bytes the pixels of a picture with this header have, a filter byte in each row."""
    width, height, depth, colours, packing, filtering, interlace = struct.unpack(">IIBBBBB", header)
    if not (0 < width <= MAX_SIDE and 0 < height <= MAX_SIDE and width * height <= MAX_PIXELS):
        raise ValueError("the picture is too large")
    if depth not in _DEPTHS.get(colours, ()) or (packing, filtering, interlace) != (0, 0, 0):
        raise ValueError("the header is malformed")
    if colours == 3 and (not palette or len(palette) % 3 or len(palette) > 3 << depth):
        raise ValueError("the palette is missing or malformed")
    bits: int = width * _CHANNELS[colours] * depth
    return int(height) * (1 + (bits + 7) // 8)


def _chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
