"""Serving the pages on this machine's own address, in this process, until Ctrl-C."""

from __future__ import annotations

import socket
from collections.abc import Callable

import uvicorn

from autograder.review.app import HOSTS, Room, make_app


def serve(room: Room, port: int, tell: Callable[[str], None]) -> None:
    """Serve until Ctrl-C; `tell` hears the address, which holds the token."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((HOSTS[0], port))
        listening.listen(64)
        tell(f"http://{HOSTS[0]}:{listening.getsockname()[1]}{room.start}")
        config = uvicorn.Config(
            make_app(room),
            log_level="warning",
            access_log=False,
            lifespan="off",
            server_header=False,
        )
        uvicorn.Server(config).run(sockets=[listening])
