"""Of a PNG from the sandbox only what draws it is kept, and whatever is odd is refused."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import pytest
from matplotlib import image
from matplotlib.figure import Figure

from autograder.wire.png import MAX_BYTES, MAX_PIXELS, MAX_SIDE, clean_png
from moelab_kit.figures import picture

SIGNATURE = b"\x89PNG\r\n\x1a\n"


def chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def header(width: int, height: int, depth: int = 8, colours: int = 0, interlace: int = 0) -> bytes:
    fields = struct.pack(">IIBBBBB", width, height, depth, colours, 0, 0, interlace)
    return chunk(b"IHDR", fields)


def grey(width: int = 2, height: int = 2, pixels: bytes | None = None) -> list[bytes]:
    """The chunks of a grey picture."""
    packed = zlib.compress(b"\0" * (width + 1) * height if pixels is None else pixels)
    return [header(width, height), chunk(b"IDAT", packed), chunk(b"IEND", b"")]


def file_of(*chunks: bytes) -> bytes:
    return SIGNATURE + b"".join(chunks)


@pytest.fixture(scope="module")
def drawing() -> bytes:
    figure = Figure()
    figure.add_subplot(title="bars").bar([0, 1], [2, 3])
    return picture(figure, MAX_BYTES)


def test_a_picture_of_matplotlib_keeps_its_pixels_and_loses_its_texts(drawing: bytes) -> None:
    cleaned = clean_png(drawing)
    assert b"matplotlib" in drawing
    assert b"matplotlib" not in cleaned
    before, after = (image.imread(io.BytesIO(data)) for data in (drawing, cleaned))
    assert np.array_equal(before, after)
    assert clean_png(cleaned) == cleaned


def test_a_picture_with_a_palette_is_kept() -> None:
    colours = chunk(b"PLTE", bytes(range(6)))
    pixels = chunk(b"IDAT", zlib.compress(b"\0\x40"))
    data = file_of(header(2, 1, depth=1, colours=3), colours, pixels, chunk(b"IEND", b""))
    assert clean_png(data) == data
    assert clean_png(data.replace(colours, b"")) == b""


@pytest.mark.parametrize(
    "value", [None, "text", 7, [b"x"], b"", b"<svg onload=alert(1)>", b"GIF89a", SIGNATURE]
)
def test_what_is_no_png_is_refused(value: object) -> None:
    assert clean_png(value) == b""


def test_texts_and_unknown_chunks_are_left_out() -> None:
    first, *rest = grey()
    script = chunk(b"tEXt", b"Comment\0<script>alert(1)</script>")
    data = file_of(first, script, chunk(b"eXIf", b"where it was made"), *rest)
    assert clean_png(data) == file_of(first, *rest)


@pytest.mark.parametrize(
    "data",
    [
        file_of(*grey(), b"<script>alert(1)</script>"),
        file_of(*grey(), *grey()),
        file_of(*grey())[:-1],
        file_of(*grey()).replace(b"IDAT", b"IDAU"),
        file_of(*grey()[1:]),
        file_of(*grey()[:-1]),
        file_of(grey()[0], *grey()),
        file_of(grey()[0], grey()[1], chunk(b"pHYs", b"\0" * 9), grey()[1], grey()[2]),
        file_of(header(2, 2, interlace=1), *grey()[1:]),
        file_of(header(2, 2, depth=3), *grey()[1:]),
        file_of(header(2, 2, colours=5), *grey()[1:]),
        file_of(chunk(b"IHDR", b"\0" * 5), *grey()[1:]),
        file_of(*grey()[:-1], chunk(b"IEND", b"more")),
        SIGNATURE + struct.pack(">I", 1 << 31) + b"IHDR" + b"\0" * 40,
    ],
    ids=[
        *("script_behind_the_end", "two_pictures", "cut", "wrong_sum", "no_header", "no_end"),
        *("two_headers", "pixels_in_two_pieces", "interlaced", "depth", "colours", "short_header"),
        *("end_with_more", "huge_length"),
    ],
)
def test_a_malformed_picture_is_refused(data: bytes) -> None:
    assert clean_png(data) == b""


@pytest.mark.parametrize(
    ("width", "height"), [(0, 1), (MAX_SIDE + 1, 1), (1, MAX_SIDE + 1), (1 << 31, 1 << 31)]
)
def test_a_picture_with_forbidden_sides_is_refused(width: int, height: int) -> None:
    assert clean_png(file_of(header(width, height), *grey()[1:])) == b""


def test_a_picture_of_too_many_pixels_is_refused() -> None:
    side = int(MAX_PIXELS**0.5) + 1
    assert clean_png(file_of(*grey(side, side))) == b""
    assert clean_png(file_of(*grey(side - 1, side - 1))) != b""


def test_pixels_that_unpack_to_more_or_less_than_announced_are_refused() -> None:
    assert clean_png(file_of(*grey(pixels=b"\0" * 7))) == b""
    assert clean_png(file_of(*grey(pixels=b"\0" * 5))) == b""
    bomb = file_of(*grey(pixels=b"\0" * (64 << 20)))
    assert len(bomb) < MAX_BYTES
    assert clean_png(bomb) == b""


def test_a_file_beyond_the_limit_is_refused() -> None:
    noise = np.random.default_rng(0).integers(0, 256, 500 * 501, dtype=np.uint8).tobytes()
    assert clean_png(file_of(*grey(500, 500, noise))) == b""
