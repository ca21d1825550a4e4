"""Start a zygote: `python -I autograder/inside SOCKET`, with the socket's descriptor."""

from __future__ import annotations

import socket
import sys
from pathlib import Path


def start(descriptor: int) -> None:
    """Take the settings from the socket, become a zygote, say so, and serve."""
    root = str(Path(__file__).resolve().parents[2])
    sys.path[0:1] = [root]  # was this folder, whose modules are not top-level ones
    from autograder.inside import kernel, view
    from autograder.inside.settings import ZygoteSettings

    control = socket.socket(fileno=descriptor)
    settings = ZygoteSettings.from_message(control.recv(1 << 20))
    try:
        kernel.die_with_parent()
        if settings.isolation == "namespaces":
            view.enter_namespaces()  # before a library can start a thread
        from autograder.inside.zygote import Zygote

        zygote = Zygote(settings, control)
    except Exception as error:
        control.send(f"failed {type(error).__name__}: {error}"[:4000].encode("utf-8", "replace"))
        return
    del settings  # its paths are no submission's business
    if root in sys.path:
        sys.path.remove(root)
    control.send(f"ready {zygote.startup_seconds:.3f}".encode())
    zygote.serve(control)


if __name__ == "__main__":
    start(int(sys.argv[1]))
