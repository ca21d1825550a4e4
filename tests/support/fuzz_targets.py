"""What is fuzzed: a function of bytes each, in which nothing but the declared errors is caught.

The first byte chooses how the rest is used: as it is, inside a well-formed frame or archive, or as
the choices of a Hypothesis strategy, so that deep places are reached as well as the front door.
"""

from __future__ import annotations

import contextlib
import io
import json
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import test_fuzz as wire
import test_reading as reading

from autograder.notebook.reading import (
    MAX_CELLS,
    MAX_NAME,
    MAX_WARNINGS,
    Source,
    Unreadable,
    read_submission,
)
from autograder.records import Outcome
from autograder.sandbox.limits import Limits
from autograder.sandbox.session import SandboxSession, UnreadableSubmission
from autograder.session import Interrupted
from autograder.text import clean_line, clean_text
from autograder.wire.encode import encode
from autograder.wire.png import MAX_BYTES as MAX_PICTURE
from autograder.wire.png import clean_png

MAX_BYTES = 1 << 20  # of a file in the reader: less than the real limit, for speed
NAMES = ("a.ipynb", "a.py", "a.zip", "a")
TESTS = Path(__file__).resolve().parents[1]
FOUND = TESTS / "fuzz" / "found"  # a folder per target: inputs that once stopped a run


@dataclass(frozen=True, slots=True)
class Target:
    """A fuzzed function, and what the fuzzer starts from."""

    run: Callable[[bytes], None]
    seeds: Callable[[], Iterator[bytes]]


def decode_anything(data: bytes) -> None:
    """The wire decoder, and what a session makes of replies, on arbitrary bytes."""
    way, rest = data[:1], data[1:]
    match (way[0] if way else 0) % 9:
        case 0 | 1:
            wire.survives(rest)
        case 2 | 3:
            split = int.from_bytes(rest[:2], "little")
            wire.survives(wire.framed(rest[2 : 2 + split], rest[2 + split :]))
        case 4:
            _session_survives(wire.framed(rest))
        case 5:
            _text_is_clean(rest.decode("utf-8", "replace"))
            _text_is_clean("".join(map(chr, memoryview(rest[: len(rest) // 2 * 2]).cast("H"))))
        case 6:
            wire.test_arbitrary_trees_are_read_or_refused.hypothesis.fuzz_one_input(rest)
        case 7:
            wire.test_arbitrary_drawings_are_read_or_refused.hypothesis.fuzz_one_input(rest)
        case 8:
            _picture_is_clean(rest)
            _picture_is_clean(_png(rest))


def read_anything(data: bytes) -> None:
    """The reader of submissions on arbitrary files."""
    way, rest = (data[0] if data else 0), data[1:]
    match way // 4 % 4:
        case 0 | 1:
            _read(rest, NAMES[way % 4])
        case 2:
            _read(_packed(way, rest), "a.zip")
        case 3:
            reading.test_mutated_notebooks_are_read_or_unreadable.hypothesis.fuzz_one_input(rest)


class _Echo:
    """Stands for a child that sends prepared replies, whatever it is asked."""

    alive = True
    kept_waiting = processor_seconds = 0.0

    def __init__(self, replies: list[bytes]) -> None:
        self._replies = replies

    def fork(self) -> Any:
        return self

    def request(self, kind: str, payload: bytes, seconds: float, most: int) -> bytearray:
        if not self._replies:
            raise Interrupted(Outcome.DIED, "no more replies")
        return bytearray(self._replies.pop(0))

    def end(self) -> None:
        return


def _session_survives(message: bytes) -> None:
    source = encode(("source", (b"1",), "script", "", ()))
    for replies in ([message] * 3, [source, message, message], [source, CELL_REPLY, message]):
        session = SandboxSession(_Echo(replies), wire.BENCH, Limits())
        with contextlib.suppress(UnreadableSubmission, Interrupted):
            session.read(b"", "a.py")
            session.perform(wire.CALL)
        for note in session.notes:
            _text_is_clean(note)


def _png(data: bytes) -> bytes:
    """A picture with right lengths, checksums and compression; `data` is its header and pixels."""
    parts = ((b"IHDR", data[:13]), (b"IDAT", zlib.compress(data[13:])), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        for name, body in parts
    )


def _picture_is_clean(data: bytes) -> None:
    kept = clean_png(data)
    assert len(kept) <= MAX_PICTURE
    assert kept == b"" or clean_png(kept) == kept


def _text_is_clean(text: str) -> None:
    for cleaned, limit in ((clean_text(text, 50), 50), (clean_line(text, 50), 50)):
        assert len(cleaned) <= limit
        assert all(
            letter.isprintable() or letter in "\n\t" or ord(letter) > 0x9F for letter in cleaned
        )
        cleaned.encode("utf-8")


def _read(data: bytes, name: str) -> None:
    try:
        source = read_submission(data, name, max_bytes=MAX_BYTES)
    except Unreadable as problem:
        source = Source((), "script", "", (str(problem),))
    assert len(source.cells) <= MAX_CELLS
    assert len(source.assignment) <= MAX_NAME
    assert len(source.warnings) <= MAX_WARNINGS
    texts = (*source.cells, source.assignment, *source.warnings)
    assert all(isinstance(text.encode("utf-8"), bytes) for text in texts)


def _packed(way: int, data: bytes) -> bytes:
    """An archive with right lengths and checksums whose entries are chosen by `data`."""
    methods = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", methods[way % 4]) as archive:
        for number, part in enumerate(data.split(b"\xffPART")[:8]):
            name, _, contents = part.partition(b"\xff")
            entry = zipfile.ZipInfo(name.decode("utf-8", "replace") or f"{number}.ipynb")
            entry.external_attr = (len(name) % 16) << 28
            with contextlib.suppress(ValueError):
                archive.writestr(entry, contents, methods[way % 4])
    return stream.getvalue()


def wire_seeds() -> Iterator[bytes]:
    """Well-formed messages of every kind, and the bombs that are known."""
    for message in wire.VALID:
        yield b"\0" + message
    for tree in wire.BOMBS.values():
        yield b"\2" + len(tree[:4000]).to_bytes(2, "little") + tree[:4000]
    for reply in (("source", (b"x = 1",), "notebook", "lab", ("w",)), ("unreadable", "why")):
        yield b"\4" + encode(reply)[wire.HEADER.size :]
    yield b"\4" + CELL_REPLY[wire.HEADER.size :]
    yield "\5\x1b[31m\u202e text\r\n".encode()
    yield b"\5" + "\x1b]0;title\x07\u202e\ud800".encode("utf-16-le", "surrogatepass")
    yield from (bytes([way]) + bytes(range(40)) for way in (6, 7))
    pixel = struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0) + b"\0\x80"
    yield from (b"\x08" + picture for picture in (pixel, _png(pixel)))


def submission_seeds() -> Iterator[bytes]:
    """Notebooks of every format, scripts in several encodings, archives."""
    code = reading.code
    lab = {"otter": {"assignment_name": "lab"}, "kernelspec": {"name": "python3"}}
    notebooks = [
        reading.notebook(code("a = 1\n"), code(["b\n", "c"]), {"cell_type": "markdown"}),
        reading.notebook(code("%matplotlib inline\n!ls"), metadata=lab),
        json.dumps({"worksheets": [{"cells": [{"cell_type": "code", "input": "1"}]}]}).encode(),
        reading.notebook(code("1")).decode().encode("utf-16"),
        reading.notebook(metadata={"language_info": {"name": "julia"}}),
        b'{"cells": [[[[[[[[[[]]]]]]]]]], "metadata": 99999999999}',
    ]
    scripts = [
        b"# %%\nx = 1\n# %% [markdown]\n# text\n# In[3]:\ny = '''\n# %%\n'''\n",
        b"# -*- coding: latin-1 -*-\nx = '\xe9'\n",
        "# coding: utf-16\nx = 1".encode("utf-16"),
        b"\xef\xbb\xbf@d\nasync def f(): pass\nclass C:\n  x = lambda *a, **k: (yield)\n",
        b"def f(\n" * 20,
        b"x = " + b"-(" * 50 + b"1" + b")" * 50 + b"\n",
    ]
    archives = [
        reading.packed((f"f/{number}.ipynb", data), ("a.OTTER_LOG", b"\x80"))
        for number, data in enumerate(notebooks[:2])
    ]
    archives.append(reading.packed(("a.py", scripts[0]), method=zipfile.ZIP_LZMA))
    for way, files in ((0, notebooks), (1, scripts), (2, archives)):
        yield from (bytes([way]) + data for data in files)
    for way in range(8, 12):
        yield bytes([way]) + b"a.ipynb\xff" + notebooks[0] + b"\xffPARTb.py\xffx = 1"
    yield bytes([12]) + bytes(range(60))


CELL_REPLY = encode((("ValueError", "text", 3), ("a note",)))

TARGETS = {
    "wire": Target(decode_anything, wire_seeds),
    "submission": Target(read_anything, submission_seeds),
}
