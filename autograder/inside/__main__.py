"""Start the fork server: `python -I autograder/inside SOCKET LIFELINE`.

Both are descriptors: of its requests, and of the pipe with whose other end it ends.
"""

from __future__ import annotations

import socket
import sys
from pathlib import Path


def start(requests: int, lifeline: int) -> None:
    """Load the libraries, then fork zygotes for whoever holds the other end of the socket."""
    root = str(Path(__file__).resolve().parents[2])
    sys.path[0:1] = [root]  # was this folder, whose modules are not top-level ones
    from autograder import linux

    linux.end_with(lifeline)
    from autograder.inside.forkserver import ForkServer

    ForkServer().serve(socket.socket(fileno=requests))


if __name__ == "__main__":
    start(int(sys.argv[1]), int(sys.argv[2]))
