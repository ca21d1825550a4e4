"""The fork server: a warm process that has the libraries and nothing else, forked into zygotes.

It hears of no run, no assignment and no submission: what a zygote is to be, it is told itself. The
fork server stays single-threaded, as a zygote does.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import os
import signal
import socket
import tempfile

from autograder.inside import rootfs

LIBRARIES = (
    "accelerate",
    "matplotlib.backends.backend_agg",
    "matplotlib.pyplot",
    "numpy",
    "torch",
    "torch.nn.functional",
    "transformers",
)


class ForkServer:
    """Imports what submissions use; then each request brings the sockets of one new zygote."""

    def __init__(self) -> None:
        gc.disable()  # what imports make stays: looking for garbage in it takes a sixth of the time
        with tempfile.TemporaryDirectory(prefix="moelab-") as folder:
            rootfs.keep_files_in(folder)
            import torch

            torch.set_num_threads(1)
            for name in LIBRARIES:
                importlib.import_module(name)
            from autograder.inside import zygote
        zygote.require_one_thread()
        self._become = zygote.become_zygote
        gc.enable()
        gc.collect()
        gc.freeze()

    def serve(self, requests: socket.socket) -> None:
        """Fork until all graders that could ask have closed their end."""
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for zygotes: pidfds tell
        while True:
            _, descriptors, _, _ = socket.recv_fds(requests, 16, 2)
            if not descriptors:
                return
            with socket.socket(fileno=descriptors[0]) as control, open(descriptors[1], "ab") as log:
                try:
                    process = os.fork()
                except OSError as error:
                    with contextlib.suppress(OSError):  # who asked may have ended meanwhile
                        control.send(f"there is no room for another process: {error}".encode())
                    continue
                if process == 0:
                    try:
                        requests.close()
                        self._become(control, log.fileno())
                    finally:
                        os._exit(0)
