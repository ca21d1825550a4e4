"""The fork server of all sandboxes: it forks zygotes, and each zygote forks children.

One `ForkServer` imports the libraries of submissions for this process and its forks; a
`ZygoteClient` sets up one zygote and asks it for children.
"""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from threading import Lock
from typing import IO

from autograder.inside.spec import SharedModel, ZygoteSettings
from autograder.sandbox.cgroups import Group
from autograder.sandbox.child import KILL_SECONDS, Child
from autograder.sandbox.errors import SandboxError, ShortageError, as_sandbox_error
from autograder.sandbox.pidfd import ProcessHandle

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


class ForkServer:
    """A process that imports the libraries of submissions once, for any number of zygotes.

    It ends when nobody is left who could ask it: this process, and those forked from it. `packages`
    are those that students have besides moelab_kit.
    """

    def __init__(self, packages: Sequence[str] = ()) -> None:
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the fork server
        self._requests, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = _start(theirs.fileno(), self._log, packages)

    def fork(self, log: IO[bytes]) -> tuple[socket.socket, ProcessHandle]:
        """A process that waits on the socket for what it is to be; what it prints goes to `log`.

        `SandboxError` where the fork server has ended, or the machine has no room for a process.
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
        return ours, ProcessHandle(int(message), watch[0])

    def close(self) -> None:
        """Ask for nothing any more; once nobody else can either, it ends."""
        self._requests.close()
        self._log.close()
        self._process.poll()


_lock = Lock()
_fork_server: ForkServer | None = None


def fork_server(packages: Sequence[str] = ()) -> ForkServer:
    """The fork server of this process and of its forks, started by the first who asks for it.

    What it has imported is up to who started it: zygotes import what they lack.
    """
    global _fork_server
    with _lock:
        try:
            _fork_server = _fork_server or ForkServer(packages)
        except OSError as error:
            raise as_sandbox_error(error, "starting the fork server of the sandboxes") from error
        return _fork_server


def forked(log: IO[bytes], packages: Sequence[str] = ()) -> tuple[socket.socket, ProcessHandle]:
    """A fork of the fork server, or of a new one if that has stopped; see `ForkServer.fork`."""
    global _fork_server
    first = fork_server(packages)
    try:
        return first.fork(log)
    except ShortageError:
        raise  # another fork server would find no more room
    except SandboxError:
        with _lock:
            if _fork_server is first:
                first.close()
                _fork_server = None
        return fork_server(packages).fork(log)


def last_words(log: IO[bytes]) -> str:
    """Of what a process wrote, the line that says best why it ended."""
    lines = os.pread(log.fileno(), 1 << 16, 0).decode("utf-8", "replace").strip().splitlines()
    errors = [line for line in lines if re.match(r"\w+(Error|Exception|Interrupt)\b", line)]
    return (errors or lines or ["it gave no reason"])[-1]


def _start(requests: int, log: IO[bytes], packages: Sequence[str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(  # noqa: S603 - our own program, fixed arguments
        [sys.executable, "-I", "-B", str(PROGRAM), str(requests), *packages],
        env=ENVIRONMENT,
        cwd="/",
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        pass_fds=(requests,),
        start_new_session=True,
    )


REPLY_SECONDS = 30.0


class ZygoteClient:
    """A warm process, ready to be forked. One child at a time; `close` ends it and its children.

    It lives in `group`, which is its own, where there is one. `describe` is asked where the weights
    of the settings' models are; the descriptors that it gives are closed here.
    """

    def __init__(
        self,
        settings: ZygoteSettings,
        group: Group | None = None,
        *,
        describe: Callable[[tuple[SharedModel, ...]], list[int]] = lambda models: [],
    ) -> None:
        self.settings = settings
        self._group = group
        try:
            self._log = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the zygote
        except OSError as error:
            raise as_sandbox_error(error, "making a file for the sandbox's words") from error
        try:
            self._control, self.process = forked(self._log, settings.packages)
        except BaseException:
            self._forget()
            raise
        try:
            if group is not None:
                group.add(self.process.pid)
            self._control.send(settings.to_message())
            if settings.models:
                files = describe(settings.models)
                try:
                    socket.send_fds(self._control, [b"weights"], files)
                finally:
                    for file in files:  # the zygote has its own: else weights outlast their owner
                        os.close(file)
            answer = self._control.recv(1 << 16).decode("utf-8", "replace")
        except OSError as error:
            self.close()
            raise SandboxError(f"the sandbox did not start: {error}") from error
        except BaseException:
            self.close()
            raise
        if answer != "ready":
            reason = answer.removeprefix("failed ") or self._last_words()
            self.close()
            raise SandboxError(f"the sandbox could not be set up: {reason}")
        self._control.settimeout(REPLY_SECONDS)

    def fork(self) -> Child:
        """A new child, locked down and ready; `SandboxError` where it could not lock down."""
        child = self.begin()
        child.await_ready()
        return child

    def begin(self) -> Child:
        """A new child that locks itself down meanwhile; `await_ready` before its first request.

        `ShortageError` where the machine has no room for it at the moment.
        """
        try:
            ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        except OSError as error:
            raise as_sandbox_error(error, "making a channel to a child") from error
        try:
            with theirs:
                socket.send_fds(self._control, [b"fork"], [theirs.fileno()])
            message, descriptors, _, _ = socket.recv_fds(self._control, 64, 1)
        except OSError as error:
            ours.close()
            raise SandboxError(f"the sandbox has stopped: {self._last_words()}") from error
        if not descriptors:
            ours.close()
            if message:
                raise ShortageError(message.decode("utf-8", "replace"))
            raise SandboxError(f"the sandbox has stopped: {self._last_words()}")
        return Child(ProcessHandle(int(message), descriptors[0]), ours, self._reap)

    def close(self) -> None:
        """End the zygote; the kernel ends its children with it."""
        self._control.close()
        if not self.process.has_ended(2):
            self.process.kill()
            self.process.has_ended(KILL_SECONDS)
        self.process.close()
        self._forget()

    def _forget(self) -> None:
        self._log.close()
        if self._group is not None:
            self._group.close()

    def _reap(self, pid: int) -> int | None:
        """The exit code of a child that has ended, negative for a signal; None without a zygote."""
        try:
            self._control.send(f"reap {pid}".encode())
            answer = self._control.recv(64)
        except OSError:
            return None
        return int(answer) if answer else None

    def _last_words(self) -> str:
        self.process.has_ended(1)
        return last_words(self._log)
