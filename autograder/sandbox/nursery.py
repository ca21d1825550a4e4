"""Starting the nursery, from which every zygote of this process and of its forks is forked."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import tempfile
from pathlib import Path
from threading import Lock
from typing import IO

from autograder.sandbox.errors import SandboxError, ShortageError, as_sandbox_error
from autograder.sandbox.pidfd import Watched

STARTUP_SECONDS = 180.0
PROGRAM = Path(__file__).resolve().parents[1] / "inside"
ENVIRONMENT = {
    "HF_HUB_OFFLINE": "1",
    "LANG": "C.UTF-8",
    "MALLOC_ARENA_MAX": "2",  # else each thread reserves address space that the limit counts
    "MKL_NUM_THREADS": "1",
    "MPLBACKEND": "Agg",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "PATH": "/usr/bin:/bin",
    "PYTHONHASHSEED": "0",
    "TOKENIZERS_PARALLELISM": "false",
    "TRANSFORMERS_VERBOSITY": "error",
    "USER": "student",
}


class Nursery:
    """A process that imports the libraries of submissions once, for any number of zygotes.

    It ends when nobody is left who could ask it: this process, and those forked from it.
    """

    def __init__(self) -> None:
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the nursery
        self._requests, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = _start(theirs.fileno(), self._log)

    def fork(self, log: IO[bytes]) -> tuple[socket.socket, Watched]:
        """A process that waits on the socket for what it is to be; what it prints goes to `log`.

        `SandboxError` where the nursery has ended, or the machine has no room for a process.
        """
        try:
            ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        except OSError as error:
            raise as_sandbox_error(error, "making a channel to the sandbox") from error
        ours.settimeout(STARTUP_SECONDS)
        try:
            with theirs:
                descriptors = [theirs.fileno(), log.fileno()]
                socket.send_fds(self._requests, [b"zygote"], descriptors)
            message, watch, _, _ = socket.recv_fds(ours, 4000, 1)
        except OSError as error:
            ours.close()
            raise SandboxError(f"it has stopped: {last_words(self._log)}") from error
        if not watch:
            ours.close()
            if message:
                raise ShortageError(message.decode("utf-8", "replace"))
            raise SandboxError(last_words(self._log))
        return ours, Watched(int(message), watch[0])

    def close(self) -> None:
        """Ask for nothing any more; once nobody else can either, it ends."""
        self._requests.close()
        self._log.close()
        self._process.poll()


_lock = Lock()
_nursery: Nursery | None = None


def nursery() -> Nursery:
    """The nursery of this process and of its forks, started by the first who asks for it."""
    global _nursery
    with _lock:
        try:
            _nursery = _nursery or Nursery()
        except OSError as error:
            raise as_sandbox_error(error, "starting the nursery of the sandboxes") from error
        return _nursery


def forked(log: IO[bytes]) -> tuple[socket.socket, Watched]:
    """A fork of the nursery, or of a new one if that has stopped; see `Nursery.fork`."""
    global _nursery
    first = nursery()
    try:
        return first.fork(log)
    except ShortageError:
        raise  # another nursery would find no more room
    except SandboxError:
        with _lock:
            if _nursery is first:
                first.close()
                _nursery = None
        return nursery().fork(log)


def last_words(log: IO[bytes]) -> str:
    """Of what a process wrote, the line that says best why it ended."""
    lines = os.pread(log.fileno(), 1 << 16, 0).decode("utf-8", "replace").strip().splitlines()
    errors = [line for line in lines if re.match(r"\w+(Error|Exception|Interrupt)\b", line)]
    return (errors or lines or ["it gave no reason"])[-1]


def _start(requests: int, log: IO[bytes]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(  # noqa: S603 - our own program, fixed arguments
        [sys.executable, "-I", "-B", str(PROGRAM), str(requests)],
        env=ENVIRONMENT,
        cwd="/",
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        pass_fds=(requests,),
        start_new_session=True,
    )
