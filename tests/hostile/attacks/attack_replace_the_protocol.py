"""Replace what reads and writes messages, and the loop that waits for them.

Tries: patching sockets, msgpack, struct and the encoder, so that later requests never arrive and
    replies hold whatever is liked.
Success: the grader waits beyond its limit, or an honest submission afterwards is hurt.
Outcome: failed or died or answered or timeout.
"""

import socket
import struct

import msgpack

from autograder.inside import child
from autograder.wire import decode, encode, limits


def attack(targets, model):
    socket.recv_fds = lambda *args: (b"call", [], 0, None)
    child._all_of = lambda channel: b""
    msgpack.packb = lambda *args, **options: b"\xc0"
    decode.decode = encode.encode = lambda *args, **options: b""
    encode.MAX_BLOB = limits.MAX_BLOB = 1 << 60
    limits.HEADER = encode.HEADER = struct.Struct("<4sIQ")
    limits.MAGIC = encode.MAGIC = b"moe2"
    return ""
