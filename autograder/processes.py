"""The grader's own processes: forked from a server that has imported torch, each with one job.

A `Process` calls functions for this one, one after the other. It ends with this process, by the
kernel's hand, and when it is closed; it goes on when the server that it was forked from is killed.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from concurrent.futures import Future
from multiprocessing.connection import Connection
from multiprocessing.reduction import ForkingPickler
from pathlib import Path
from threading import Lock, Thread
from typing import IO, Any

from autograder.interpreter import isolate_children, leave_current_folder
from autograder.sandbox.errors import SandboxError, ShortageError
from autograder.sandbox.forkserver import SANDBOXES, OneForkServer, Program

SECONDS_TO_END = 5.0  # for a process that was killed
_PROGRAM = """\
from autograder.preload import start
start(list(filter(None, sys.argv[1].split(","))), *map(int, sys.argv[2:]))
"""


class ProcessEndedError(Exception):
    """A process ended before it had answered, and did not say why."""


class Process:
    """A process that calls functions of ours, one after the other; their arguments and results are
    pickled. `SandboxError` where it cannot be started.
    """

    def __init__(self) -> None:
        with _words() as log:
            channel, self._handle = _WORKERS.fork(log, socket.SOCK_STREAM)
        channel.setblocking(True)
        self._connection = Connection(channel.detach())
        self._one_at_a_time = Lock()
        self._waiting: list[Thread] = []
        try:
            self._connection.send((sys.path, _current_folder(), dict(os.environ)))
        except OSError as error:
            self.close()
            raise SandboxError("a process of ours ended as soon as it had started") from error

    @property
    def pid(self) -> int:
        return self._handle.pid

    @property
    def has_ended(self) -> bool:
        return self._handle.has_ended()

    def submit(self, function: Callable[..., Any], *arguments: Any) -> Future[Any]:
        """Have a function called; `ProcessEndedError` is the result where the process ends first.

        Raises `ShortageError` where the machine has no room for the thread that waits.
        """
        future: Future[Any] = Future()
        thread = Thread(target=self._fill, args=(future, function, arguments), daemon=True)
        try:
            thread.start()
        except RuntimeError as error:
            raise ShortageError(f"there is no room for another thread: {error}") from error
        self._waiting = [one for one in (*self._waiting, thread) if one.is_alive()]
        return future

    def kill(self) -> None:
        """End it; what it is doing ends with `ProcessEndedError`."""
        self._handle.kill()

    def close(self) -> None:
        """End it, and wait until it has gone."""
        self.kill()
        if self._handle.has_ended(SECONDS_TO_END):  # else a thread still reads
            for thread in self._waiting:
                thread.join()
            self._connection.close()
        self._handle.close()

    def _fill(
        self, future: Future[Any], function: Callable[..., Any], arguments: tuple[Any, ...]
    ) -> None:
        try:
            with self._one_at_a_time:
                self._connection.send((function, arguments))
                value, error = self._connection.recv()
        except (EOFError, OSError) as ended:
            self._handle.has_ended(SECONDS_TO_END)  # its channels close a moment before
            value, error = None, ProcessEndedError(f"process {self.pid} has ended")
            error.__cause__ = ended
        except Exception as unpicklable:
            value, error = None, unpicklable
        if error is None:
            future.set_result(value)
        else:
            future.set_exception(error)


def serve_calls(channel: socket.socket, log: int) -> None:
    """In a new process: introduce it, then call functions until nobody asks any more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the command's
    for standard in (1, 2):
        os.dup2(log, standard)
    myself = os.pidfd_open(os.getpid())
    socket.send_fds(channel, [str(os.getpid()).encode()], [myself])
    os.close(myself)
    connection = Connection(channel.detach())
    try:
        _resemble(*connection.recv())
        while True:
            connection.send_bytes(_answer(connection))
    except (EOFError, OSError):
        return


def _resemble(path: list[str], folder: str, environment: dict[str, str]) -> None:
    """Take over where modules are found, the current folder and the environment."""
    sys.path[:] = path
    leave_current_folder()
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    tempfile.tempdir = None


def _answer(connection: Connection) -> Any:
    """The pickled result, or error, of the next call."""
    asked = connection.recv_bytes()
    try:
        function, arguments = ForkingPickler.loads(asked)
        return ForkingPickler.dumps((function(*arguments), None))
    except BaseException as error:
        return _as_sent(error)


def _as_sent(error: BaseException) -> Any:
    """An error with its traceback as a note; one that does not travel is replaced by its text."""
    error.add_note("".join(traceback.format_exception(error)))
    try:
        sent = ForkingPickler.dumps((None, error))
        ForkingPickler.loads(sent)
    except Exception:
        return ForkingPickler.dumps((None, RuntimeError(f"{type(error).__name__}: {error}")))
    return sent


def _current_folder() -> str:
    try:
        return os.getcwd()
    except FileNotFoundError:  # somebody has removed it
        return "/"


def _words() -> IO[bytes]:
    """Where a process of ours writes: to our own error output, if there is one."""
    try:
        return open(os.dup(2), "wb", buffering=0)
    except OSError:
        return open(os.devnull, "wb", buffering=0)


def _workers() -> Program:
    """The server that workers are forked from: it gets the asking end of the sandboxes' one."""
    isolate_children()
    sandboxes = SANDBOXES.server().requests.fileno()
    path = [entry for entry in sys.path if os.path.isabs(entry)]
    program = f"import sys\nsys.path[:] = {path!r}\n{_PROGRAM}"
    arguments = ["-P", "-B", "-c", program, ",".join(SANDBOXES.packages)]
    return Program(arguments, dict(os.environ), (sandboxes,))


_WORKERS = OneForkServer(_workers)

STOPPED_SECONDS = 60.0  # how long a process of ours may be stopped (SIGSTOP) before it hangs


class StoppedProcesses:
    """Since when processes of ours have been stopped."""

    def __init__(self) -> None:
        self._since: dict[int, float] = {}

    def hangs(self, pid: int) -> bool:
        """Whether a process was stopped whenever this was asked, for more than STOPPED_SECONDS."""
        if not is_stopped(pid):
            self._since.pop(pid, None)
            return False
        now = time.monotonic()
        return now - self._since.setdefault(pid, now) > STOPPED_SECONDS


def is_stopped(pid: int) -> bool:
    """Whether a process is stopped (state T of proc(5)), and so does nothing until it goes on."""
    try:
        about = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except OSError:
        return False
    return about.rpartition(")")[2].split()[0] in "Tt"
