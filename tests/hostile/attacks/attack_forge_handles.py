"""Name objects of the grader.

Tries: handles of models that were not part of the call, tokenizers, and module paths that are
    attributes, properties or private.
Success: the grader hands out, or looks up, anything but a module of the call's own model.
Outcome: failed.
"""

import os
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
    nodes = (
        ["h", "model:mixtral:float32", []],
        ["h", "tokenizer:left", []],
        ["m", "model:olmoe:float32", ""],
        ["m", "model:mixtral:float32", "__class__.__init__"],
        ["m", "model:mixtral:float32", "base_model"],
        ["m", "model:mixtral:float32", "_modules"],
    )
    node = nodes[os.getpid() % len(nodes)]
    channel().sendall(frame_of(msgpack.packb(["u", [node, None, ["u", []], "", ""]])))
    while True:
        pass
