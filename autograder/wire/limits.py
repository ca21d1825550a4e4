"""The frame of a message, reading one from a socket, and the limits that both sides keep.

A message is `MAGIC`, the length of the tree (u32), the length of the blob (u64), the tree in
msgpack and the blob with the raw bytes of tensors. Keeping bulk data out of the tree bounds what a
hostile tree can cost: at most `MAX_TREE` one-byte nodes.
"""

from __future__ import annotations

import socket
import struct

MAGIC = b"moe1"
HEADER = struct.Struct("<4sIQ")
MAX_TREE = 2 << 20  # bytes
MAX_BLOB = 256 << 20  # bytes
MAX_MESSAGE = HEADER.size + MAX_TREE + MAX_BLOB
MAX_DEPTH = 32
MAX_NODES = 400_000
MAX_TEXT = 1 << 16  # characters
MAX_DIMENSIONS = 8
MAX_ELEMENTS = 1 << 25  # of all tensors and arrays of one message together
MAX_ROWS = 1 << 20  # of one tensor: `a, b = tensor` makes an object of each before it fails
MAX_ALIKE = 64  # keys of one dict with the same hash: more would make look-ups slow
MAX_KEYS = 10_000  # of one dict: integers can share one probe chain, which costs their square
MAX_KEYS_IN_ALL = 40_000  # of all dicts of one message together

DTYPE_SIZES = {
    "bool": 1,
    "uint8": 1,
    "int8": 1,
    "int16": 2,
    "int32": 4,
    "int64": 8,
    "float16": 2,
    "bfloat16": 2,
    "float32": 4,
    "float64": 8,
}


class WireError(Exception):
    """A message that is not one of ours: too large, too deep, truncated or malformed."""


def lengths(header: bytes | bytearray) -> tuple[int, int]:
    """Return (tree, blob) lengths in bytes that a message's header announces."""
    if len(header) != HEADER.size:
        raise WireError("the message is shorter than its header")
    magic, tree, blob = HEADER.unpack(header)
    if magic != MAGIC:
        raise WireError("the message does not start as it must")
    if tree > MAX_TREE or blob > MAX_BLOB:
        raise WireError("the message is too large")
    return tree, blob


_CHUNK = 1 << 20


def receive(channel: socket.socket) -> bytes:
    """The next frame; empty where the other side has closed."""
    header = _exactly(channel, HEADER.size)
    return header + _exactly(channel, sum(lengths(header))) if header else b""


def _exactly(channel: socket.socket, size: int) -> bytes:
    parts = []
    while size:
        part = channel.recv(min(size, _CHUNK))
        if not part:
            return b""
        parts.append(part)
        size -= len(part)
    return b"".join(parts)
