"""Keep the grader's channel ready without a pause.

Tries: small writes as fast as possible, of a reply that announces 256 MB, so that there is always
    something to read when the time is up.
Success: the grader reads on after the time limit.
Outcome: timeout or failed.
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
    reply_to.sendall(HEADER.pack(MAGIC, 16, 256 << 20))
    while True:
        reply_to.sendall(b"xx")
