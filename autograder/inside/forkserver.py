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
from collections.abc import Callable, Sequence

from autograder import linux
from autograder.inside import rootfs

LIBRARIES = (
    "matplotlib.backends.backend_agg",
    "matplotlib.pyplot",
    "numpy",
    "torch",
    "torch.nn.functional",
)
DESCRIPTORS = 3  # that a request brings: the new process's socket, its log and its lifeline

Become = Callable[[socket.socket, int], None]


class ForkServer:
    """Imports what submissions use; then each request brings the sockets of one new zygote.

    `packages` are those that students have besides moelab_kit. A zygote of another course, which
    has others, imports them itself.
    """

    def __init__(self, packages: Sequence[str]) -> None:
        gc.disable()  # what imports make stays: looking for garbage in it takes a sixth of the time
        with tempfile.TemporaryDirectory(prefix="moelab-") as folder:
            rootfs.keep_files_in(folder)
            import torch

            torch.set_num_threads(1)
            for name in LIBRARIES:
                importlib.import_module(name)
            from autograder.inside import zygote

            zygote.load(packages)
        zygote.require_one_thread()
        self._become = zygote.become_zygote
        gc.enable()
        gc.collect()
        gc.freeze()

    def serve(self, requests: socket.socket) -> None:
        """Fork zygotes until all graders that could ask have closed their end."""
        serve(requests, self._become)


def serve(requests: socket.socket, become: Become) -> None:
    """Fork for each request, until all who could ask have closed their end.

    The new process ends with whoever asked for it: see `linux.end_with`. It becomes what `become`
    makes of it with its socket and its log.
    """
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for forks: pidfds tell
    while True:
        message, descriptors, _, _ = socket.recv_fds(requests, 16, DESCRIPTORS)
        if not message:
            return
        with contextlib.ExitStack() as given:
            for descriptor in descriptors:
                given.callback(os.close, descriptor)
            if len(descriptors) == DESCRIPTORS:  # else there was no room for them; it asks again
                _fork(requests, descriptors, become)


def _fork(requests: socket.socket, descriptors: list[int], become: Become) -> None:
    channel, log, lifeline = descriptors
    try:
        process = os.fork()
    except OSError as error:
        with socket.socket(fileno=os.dup(channel)) as control, contextlib.suppress(OSError):
            control.send(f"there is no room for another process: {error}".encode())
        return  # who asked may have ended meanwhile
    if process == 0:
        try:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            requests.close()
            linux.end_with(lifeline)
            become(socket.socket(fileno=channel), log)
        finally:
            os._exit(0)
