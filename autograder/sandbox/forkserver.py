"""Fork servers: processes that import once, and are forked into whatever needs what they imported.

There are two of them: the one of the sandboxes (`SANDBOXES`), which is forked into zygotes, and the
grader's own (`autograder.processes`), which is forked into workers. Neither is missed for long when
it is killed, and what was forked from it goes on.
"""

from __future__ import annotations

import contextlib
import os
import re
import select
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from threading import Lock, Thread
from typing import IO

from autograder.courses import OURS
from autograder.sandbox.errors import SandboxError, ShortageError, as_sandbox_error
from autograder.sandbox.pidfd import ProcessHandle

STARTUP_SECONDS = 180.0
ATTEMPTS = 4  # of one request: a fork server may be killed while it answers, its successor too
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
    """The asking end of a fork server's socket; forks of this process have it too.

    `log` is what the fork server prints, where this process can see that.
    """

    def __init__(self, requests: socket.socket, log: IO[bytes] | None = None) -> None:
        self.requests = requests
        self._log = log

    def fork(
        self, log: IO[bytes], kind: socket.SocketKind = socket.SOCK_SEQPACKET
    ) -> tuple[socket.socket, ProcessHandle]:
        """A process that waits on a socket of this kind for what it is to be.

        What it prints goes to `log`. It ends with this process, and when the handle is closed.
        `ShortageError` where the machine has no room for it, `SandboxError` where the fork server
        has ended and no other takes its place.
        """
        for _ in range(ATTEMPTS):
            found = self._asked(log, kind)
            if found is not None:
                return found
        raise SandboxError(self._last_words())

    def close(self) -> None:
        """Ask for nothing any more; once nobody else can either, the fork server ends."""
        self.requests.close()

    @property
    def has_ended(self) -> bool:
        """Whether nobody is left who could answer."""
        poll = select.poll()
        poll.register(self.requests, 0)
        return bool(poll.poll(0))

    def _asked(
        self, log: IO[bytes], kind: socket.SocketKind
    ) -> tuple[socket.socket, ProcessHandle] | None:
        """The answer to a request; None where the fork server was killed before it gave one."""
        with contextlib.ExitStack() as unless_answered:
            try:
                ours, theirs = socket.socketpair(socket.AF_UNIX, kind)
                unless_answered.callback(ours.close)
                with theirs:
                    ended, lifeline = os.pipe()
                    unless_answered.callback(os.close, lifeline)
                    with os.fdopen(ended, "rb") as end:
                        descriptors = [theirs.fileno(), log.fileno(), end.fileno()]
                        self._send(descriptors)
            except OSError as error:
                raise as_sandbox_error(error, "making a channel to another process") from error
            ours.settimeout(STARTUP_SECONDS)
            try:
                message, watch, _, _ = socket.recv_fds(ours, 4000, 1)
            except TimeoutError as error:
                raise SandboxError(f"it does not answer: {self._last_words()}") from error
            except OSError:
                return None
            if not message:
                return None
            if not watch:
                said = message.decode("utf-8", "replace")
                full = "there is no room for another descriptor"
                raise ShortageError(full if said.isdecimal() else said)
            unless_answered.pop_all()
            return ours, ProcessHandle(int(message), watch[0], lifeline)

    def _send(self, descriptors: list[int]) -> None:
        try:
            socket.send_fds(self.requests, [b"fork"], descriptors)
        except (BrokenPipeError, ConnectionError) as error:
            raise SandboxError(f"it has stopped: {self._last_words()}") from error

    def _last_words(self) -> str:
        return "it gave no reason" if self._log is None else last_words(self._log)


@dataclass(frozen=True, slots=True)
class Program:
    """How a fork server is started: its arguments (without those of its descriptors), environment,
    and further descriptors for it.
    """

    arguments: list[str]
    environment: dict[str, str]
    descriptors: tuple[int, ...] = ()


class KeptForkServer(ForkServer):
    """A fork server that this process has started, and starts again when it is killed.

    The next one serves the same socket, so that nobody who holds the other end notices more than
    that an answer takes longer. One that ends by itself, as where it cannot import something, is
    not started again. It ends with this process, or when nobody is left who could ask it.
    """

    def __init__(self, program: Callable[[], Program]) -> None:
        self._program = program
        log = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the fork server
        requests, self._served = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        super().__init__(requests, log)
        self._words = log
        self._closed = False
        with contextlib.ExitStack() as unless_kept:
            unless_kept.callback(requests.close)
            unless_kept.callback(self._served.close)
            self.process, self._lifeline = self._started()
            unless_kept.callback(os.close, self._lifeline)
            try:
                Thread(target=self._keep, name="fork server", daemon=True).start()
            except RuntimeError as error:
                raise ShortageError(f"there is no room for another thread: {error}") from error
            unless_kept.pop_all()

    def close(self) -> None:
        self._closed = True
        super().close()

    def _keep(self) -> None:
        """Start it again whenever it is killed."""
        again = True
        while again:
            again = self.process.wait() < 0 and not self._closed
            os.close(self._lifeline)
            try:
                if again:
                    self.process, self._lifeline = self._started()
            except (OSError, SandboxError):  # there is no room for it now
                again = False
        self._served.close()  # who waits for an answer, or asks from now on, is told by that

    def _started(self) -> tuple[subprocess.Popen[bytes], int]:
        """The process, and the writing end of the pipe with which it ends."""
        program = self._program()
        ended, lifeline = os.pipe()
        with contextlib.ExitStack() as unless_started, os.fdopen(ended, "rb") as end:
            unless_started.callback(os.close, lifeline)
            passed = (self._served.fileno(), end.fileno(), *program.descriptors)
            process = subprocess.Popen(  # noqa: S603 - our own program, fixed arguments
                [sys.executable, *program.arguments, *map(str, passed)],
                env=program.environment,
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=self._words,
                stderr=self._words,
                pass_fds=passed,
                start_new_session=True,
            )
            unless_started.pop_all()
        return process, lifeline


class OneForkServer:
    """The fork server of this process and of its forks, started by the first request.

    One that has ended for good is replaced at the next request. `packages` are those of a course's
    students (of moelab's own labs, unless said), which it imports if it starts from now on; what it
    lacks its forks import themselves.
    """

    def __init__(self, program: Callable[[], Program]) -> None:
        self.packages: tuple[str, ...] = OURS
        self._program = program
        self._lock = Lock()
        self._server: ForkServer | None = None

    def server(self) -> ForkServer:
        """The fork server; `SandboxError` where none can be started."""
        with self._lock:
            if self._server is not None and self._server.has_ended:
                self._drop(self._server)
            try:
                self._server = self._server or KeptForkServer(self._program)
            except OSError as error:
                raise as_sandbox_error(error, "starting a fork server") from error
            return self._server

    def use(self, requests: socket.socket) -> None:
        """Ask the fork server of another process, as long as there is one."""
        self._server = ForkServer(requests)

    def fork(
        self, log: IO[bytes], kind: socket.SocketKind = socket.SOCK_SEQPACKET
    ) -> tuple[socket.socket, ProcessHandle]:
        """A fork of it, or of a new one if that has ended for good; see `ForkServer.fork`."""
        first = self.server()
        try:
            return first.fork(log, kind)
        except ShortageError:
            raise  # another fork server would find no more room
        except SandboxError:
            with self._lock:
                self._drop(first)
            return self.server().fork(log, kind)

    def close(self) -> None:
        """Ask for nothing any more, until somebody does again."""
        with self._lock:
            if self._server is not None:
                self._drop(self._server)

    def _drop(self, server: ForkServer) -> None:
        if self._server is server:
            server.close()
            self._server = None


def _sandboxes() -> Program:
    return Program(["-I", "-B", str(PROGRAM), ",".join(SANDBOXES.packages)], ENVIRONMENT)


SANDBOXES = OneForkServer(_sandboxes)


def last_words(log: IO[bytes]) -> str:
    """Of what a process wrote, the line that says best why it ended."""
    lines = os.pread(log.fileno(), 1 << 16, 0).decode("utf-8", "replace").strip().splitlines()
    errors = [line for line in lines if re.match(r"\w+(Error|Exception|Interrupt)\b", line)]
    return (errors or lines or ["it gave no reason"])[-1]
