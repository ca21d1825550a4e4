"""Messages between the grader's own processes: one frame of the wire format after the other."""

from __future__ import annotations

import socket

from autograder.wire.limits import HEADER, lengths

_CHUNK = 1 << 20


def receive(channel: socket.socket) -> bytes:
    """The next frame; empty where the other side has closed."""
    header = _exactly(channel, HEADER.size)
    return header + _exactly(channel, sum(lengths(header))) if header else b""


def _exactly(channel: socket.socket, size: int) -> bytes:
    parts = []
    while size:
        part = channel.recv(min(size, _CHUNK))
        if not part:
            return b""
        parts.append(part)
        size -= len(part)
    return b"".join(parts)
