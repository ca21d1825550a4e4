"""Start the fork server: `python -I autograder/inside SOCKET PACKAGE...`.

SOCKET is the descriptor of its requests, the packages are those of the course's students.
"""

from __future__ import annotations

import socket
import sys
from pathlib import Path


def start(descriptor: int, packages: list[str]) -> None:
    """Load the libraries, then fork zygotes for whoever holds the other end of the socket."""
    root = str(Path(__file__).resolve().parents[2])
    sys.path[0:1] = [root]  # was this folder, whose modules are not top-level ones
    from autograder.inside.forkserver import ForkServer

    ForkServer(packages).serve(socket.socket(fileno=descriptor))


if __name__ == "__main__":
    start(int(sys.argv[1]), sys.argv[2:])
