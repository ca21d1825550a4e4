"""Start the fork server: `python -I autograder/inside PACKAGES SOCKET LIFELINE`.

The packages of the course's students, with commas between them, then two descriptors: of the fork
server's requests, and of the pipe with whose other end it ends.
"""

from __future__ import annotations

import socket
import sys
from pathlib import Path


def start(packages: list[str], requests: int, lifeline: int) -> None:
    """Load the libraries, then fork zygotes for whoever holds the other end of the socket."""
    root = str(Path(__file__).resolve().parents[2])
    sys.path[0:1] = [root]  # was this folder, whose modules are not top-level ones
    from autograder import linux

    linux.end_with(lifeline)
    from autograder.inside.forkserver import ForkServer

    ForkServer(packages).serve(socket.socket(fileno=requests))


if __name__ == "__main__":
    start(list(filter(None, sys.argv[1].split(","))), int(sys.argv[2]), int(sys.argv[3]))
