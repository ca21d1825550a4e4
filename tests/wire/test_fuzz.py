"""The decoder under fire: whatever arrives, it gives a value or a `WireError`, and costs little."""

from __future__ import annotations

import contextlib
import itertools
import json
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgpack
import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from matplotlib.figure import Figure

from autograder.wire.decode import decode
from autograder.wire.encode import encode
from autograder.wire.limits import DTYPE_SIZES, HEADER, MAGIC, WireError
from autograder.wire.messages import decode_reply
from moelab_kit.calls import Call

CHECKOUT = Path(__file__).resolve().parents[2]
MODEL = torch.nn.Sequential(torch.nn.Linear(1, 1))
FUZZ = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))


class OneModel:
    """A bench with a single model."""

    def handle_of(self, value: Any) -> str | None:
        return "model" if value is MODEL else None

    def resolve(self, handle: str) -> Any:
        return {"model": MODEL}[handle]


BENCH = OneModel()
CALL = Call("f", (MODEL,), {}, ())


def survives(message: bytes) -> None:
    """Read a message in every way there is; nothing but `WireError` may come out."""
    with contextlib.suppress(WireError):
        decode(message)
    with contextlib.suppress(WireError):
        decode(message, resolve=BENCH.resolve)
    with contextlib.suppress(WireError):
        decode_reply(message, CALL, BENCH)


def framed(tree: bytes, blob: bytes = b"") -> bytes:
    return HEADER.pack(MAGIC, len(tree), len(blob)) + tree + blob


def figure() -> Figure:
    drawn = Figure()
    axes = drawn.subplots(1, 2)
    axes[0].bar([0, 1], [2.0, 3.0])
    axes[1].imshow(np.ones((2, 2)))
    return drawn


VALID = tuple(
    encode(value, name_of=lambda module: ("model", "0") if module is MODEL[0] else None)
    for value in (
        ([1, 2.5, "text"], None, (), "", "", 0),
        ({"a": torch.arange(6.0).reshape(2, 3), 3: (None, True)}, None, (), "", "", 0),
        (np.arange(4), ("ValueError", ("ValueError",), "text"), (torch.ones(2),), "x", "y", 5),
        (MODEL[0], None, (), "", "", 0),
        (figure(), None, (), "", "", 0),
        (b"bytes", None, (None,), "", "", 0),
    )
)

numbers = st.integers(-(1 << 63), (1 << 64) - 1)
leaves = st.one_of(
    st.none(),
    st.booleans(),
    numbers,
    st.floats(),
    st.text(max_size=20),
    st.binary(max_size=8),
)
tags = st.sampled_from("ludtnbhmigoIx")
plain = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.lists(inner, max_size=6),
        st.dictionaries(st.text(max_size=3), inner, max_size=3),
        st.tuples(tags, inner).map(list),
        st.tuples(tags, inner, inner, inner).map(list),
        st.tuples(st.just("d"), st.lists(st.tuples(inner, inner).map(list), max_size=4)).map(list),
    ),
    max_leaves=30,
)
sizes = st.one_of(st.integers(-2, 9), st.sampled_from([1 << 31, 1 << 39, 1 << 62, (1 << 63) - 1]))
tensors = st.tuples(
    st.sampled_from("tn"),
    st.one_of(st.sampled_from([*DTYPE_SIZES, "object", "complex64", "float8"]), leaves),
    st.one_of(st.lists(sizes, max_size=9), leaves),
    st.one_of(st.lists(sizes, min_size=2, max_size=2), leaves),
    st.booleans(),
).map(lambda parts: list(parts[: 5 if parts[0] == "t" else 4]))


@FUZZ
@given(st.binary(max_size=400))
def test_arbitrary_bytes_are_refused(message: bytes) -> None:
    survives(message)
    survives(framed(message))


@FUZZ
@given(st.sampled_from(VALID), st.data())
def test_changed_messages_are_read_or_refused(message: bytes, data: st.DataObject) -> None:
    changed = bytearray(message)
    for _ in range(data.draw(st.integers(1, 6))):
        position = data.draw(st.integers(0, len(changed) - 1))
        match data.draw(st.sampled_from(["set", "insert", "delete", "copy"])):
            case "set":
                changed[position] = data.draw(st.integers(0, 255))
            case "insert":
                changed[position:position] = data.draw(st.binary(min_size=1, max_size=4))
            case "delete" if len(changed) > 8:
                del changed[position : position + 3]
            case "copy":
                changed += changed[position : position + 40]
    survives(bytes(changed))
    tree_length = struct.unpack_from("<I", message, 4)[0]
    split = HEADER.size + tree_length
    survives(framed(bytes(changed[HEADER.size : split]), bytes(changed[split:])))


@FUZZ
@given(plain, st.binary(max_size=64))
def test_arbitrary_trees_are_read_or_refused(tree: Any, blob: bytes) -> None:
    packed = msgpack.packb(tree)
    survives(framed(packed, blob))
    survives(framed(msgpack.packb(["u", [tree, None, ["u", []], "", ""]]), blob))


@FUZZ
@given(st.lists(tensors, max_size=3), st.binary(max_size=64))
def test_arbitrary_tensors_are_read_or_refused(nodes: list[Any], blob: bytes) -> None:
    survives(framed(msgpack.packb(["l", nodes]), blob))


drawing_fields = ("title", "xlabel", "ylabel", "limits", "bars", "lines", "steps", "images")


@pytest.mark.slow
@FUZZ
@given(st.dictionaries(st.sampled_from([*drawing_fields, "legend"]), plain), plain)
def test_arbitrary_drawings_are_read_or_refused(panel: dict[str, Any], legend: Any) -> None:
    entries = [[name, value] for name, value in panel.items()]
    drawing = ["d", [["panels", ["l", [["d", entries]]]], ["legend", legend]]]
    survives(framed(msgpack.packb(["g", drawing])))


BOMBS = {
    "deep arrays": b"\x91" * ((2 << 20) - 1) + b"\xc0",
    "promised arrays": (b"\xdd\x00\x06\x1a\x80" * 420_000)[: 2 << 20],
    "promised texts": b"\xdb\xff\xff\xff\xff",
    "promised maps": b"\xdf\xff\xff\xff\xff",
    "many empty lists": b"\xdd" + struct.pack(">I", 399_999) + b"\x90" * 399_999,
    "two million lists": b"\x96" + (b"\xdd" + struct.pack(">I", 340_000) + b"\x90" * 340_000) * 6,
    "colliding tuples": msgpack.packb(
        [
            "d",
            [
                [["u", list(key)], None]
                for key in itertools.islice(
                    itertools.product([float(2**e) for e in range(0, 1000, 61)], repeat=4), 20_000
                )
            ],
        ]
    ),
    "colliding ints": msgpack.packb(
        ["d", [[["I", hex(((1 << 61) - 1) * n + 7)], None] for n in range(40_000)]]
    ),
    "empty tensor": msgpack.packb(["t", "float64", [0, 1 << 39], [0, 0], False]),
    "overlapping tensors": msgpack.packb(
        ["l", [["t", "uint8", [1 << 20], [0, 1 << 20], False]] * 20_000]
    ),
}

LIMITED = """
import json, resource, sys
from autograder.wire.decode import decode
from autograder.wire.limits import HEADER, MAGIC, WireError
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + (700 << 20),) * 2)
spent = resource.getrusage(resource.RUSAGE_SELF)
seconds = int(spent.ru_utime + spent.ru_stime) + 20
resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
for name, tree in json.load(sys.stdin).items():
    tree, blob = bytes.fromhex(tree), bytes(1 << 20)
    try:
        decode(HEADER.pack(MAGIC, len(tree), len(blob)) + tree + blob)
    except WireError:
        continue
    raise SystemExit(f"{name} was decoded")
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="limits on address space work on Linux")
def test_bombs_are_refused_within_bounded_memory_and_time() -> None:
    done = subprocess.run(
        [sys.executable, "-c", LIMITED],
        input=json.dumps({name: tree.hex() for name, tree in BOMBS.items()}),
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
