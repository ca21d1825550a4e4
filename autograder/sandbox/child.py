"""One child: requests over a fresh channel each, under a deadline, and a certain end.

Everything that arrives here was written by a hostile process. A reply is a frame of a known length;
whatever comes besides it, or instead of it, discards the call.
"""

from __future__ import annotations

import contextlib
import select
import signal
import socket
import time
from collections.abc import Callable

from autograder.records import Outcome
from autograder.sandbox.clock import MOST_TIMES, kept_waiting, processor_seconds, shares_of
from autograder.sandbox.errors import (
    ChildNotReadyError,
    SandboxError,
    as_sandbox_error,
    is_shortage,
)
from autograder.sandbox.pidfd import ProcessHandle, milliseconds
from autograder.session import Interrupted
from autograder.wire.limits import HEADER, MAX_MESSAGE, WireError, lengths
from autograder.wire.messages import FAILED, MISSING

CHUNK = 1 << 20
MAX_SENTENCE = 1000  # bytes of a reply that is a sentence instead of a frame
HANG_UP_SECONDS = 2.0  # how long a process may take to end after its last descriptor was closed
KILL_SECONDS = 20.0  # how long a process that was killed may take to go
GRANT_SECONDS = 0.05  # at least, where a process was kept waiting: not to ask all the time
READY_SECONDS = 120.0  # with a GPU, many children start CUDA one after the other


class Child:
    """A locked-down process that holds one submission. After `end`, nothing of it is left.

    `reap` gives the exit code of a process that has ended, None where it cannot be known any more.
    Of the last request, in seconds, `kept_waiting` is how long others had the processors, and
    `processor_seconds` what it used of them, from its first byte to the last one of its reply.
    """

    def __init__(
        self, process: ProcessHandle, control: socket.socket, reap: Callable[[int], int | None]
    ) -> None:
        self._process = process
        self._control = control
        self._reap = reap
        self.alive = True
        self.kept_waiting = 0.0
        self.processor_seconds = 0.0

    def await_ready(self) -> None:
        """Wait until it has locked itself down; `SandboxError`, and its end, where it could not."""
        self._control.settimeout(READY_SECONDS)
        try:
            words = self._control.recv(2000).decode("utf-8", "replace")
        except OSError as error:
            words = f"no word from it ({error})"
        if words != "ready":
            code = self.end()
            words = words or f"it ended ({_exit(code)})"
            raise ChildNotReadyError(f"a child could not lock itself down: {words}")

    def request(
        self, kind: str, payload: bytes, seconds: float, most: int = MAX_MESSAGE
    ) -> bytearray:
        """Send one request and return the reply's frame of at most `most` bytes, within `seconds`.

        Those are on the clock, without what others took from it: a process that used less of the
        processors than its limit, and was kept waiting for one, gets so much longer.

        Raises `Interrupted` where there is none; the child has then been ended, unless it said
        properly that a function is missing. `SandboxError` where it cannot be ended.
        """
        pid = self._process.seen_as
        used = processor_seconds(pid)
        deadline = _Deadline(pid, seconds)
        try:
            reply = self._exchange(kind, payload, deadline, most)
            self.processor_seconds = max(processor_seconds(pid) - used, 0.0)
        except Interrupted:
            self.end()
            raise
        except TimeoutError as error:
            self.end()
            raise deadline.missed() from error
        except OSError as error:
            if is_shortage(error):
                self.end()
                raise as_sandbox_error(error, "asking a submission") from error
            raise self._ended() from error
        except WireError as error:
            self.end()
            text = f"the reply could not be read: {error}"
            raise Interrupted(Outcome.FAILED, text) from error
        finally:
            self.kept_waiting = deadline.granted
        if reply.startswith(MISSING):
            text = reply.removeprefix(MISSING).decode("utf-8", "replace")
            raise Interrupted(Outcome.MISSING, text)
        if reply.startswith(FAILED):
            self.end()
            raise _failure(reply.removeprefix(FAILED).decode("utf-8", "replace"))
        return reply

    def end(self) -> int | None:
        """Kill the child and everything in it, wait for it, and return its exit code if known."""
        if not self.alive:
            return None
        self.alive = False
        self._process.kill()
        gone = self._process.has_ended(KILL_SECONDS)
        self._control.close()
        self._process.close()
        if not gone:
            raise SandboxError(f"process {self._process.pid} of the sandbox could not be killed")
        return self._reap(self._process.pid)

    def _exchange(self, kind: str, payload: bytes, deadline: _Deadline, most: int) -> bytearray:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        with ours:
            with theirs:
                self._control.settimeout(max(deadline.left, 0.001))
                socket.send_fds(self._control, [kind.encode()], [theirs.fileno()])
            ours.setblocking(False)
            self._send(ours, payload, deadline)
            ours.shutdown(socket.SHUT_WR)
            return self._receive(ours, deadline, most)

    def _send(self, channel: socket.socket, payload: bytes, deadline: _Deadline) -> None:
        left = memoryview(payload)
        while left:
            self._wait(channel, deadline, writing=True)
            with contextlib.suppress(BlockingIOError):
                left = left[channel.send(left[:CHUNK]) :]

    def _receive(self, channel: socket.socket, deadline: _Deadline, most: int) -> bytearray:
        reply = bytearray()
        wanted = HEADER.size
        while True:
            self._wait(channel, deadline, writing=False)
            part = channel.recv(CHUNK)
            reply += part
            if reply and _is_sentence(reply):
                if not part:
                    return reply
                if len(reply) > MAX_SENTENCE:
                    raise WireError("a sentence is too long")
                continue
            if not part:
                raise self._ended()
            if len(reply) >= HEADER.size:
                wanted = HEADER.size + sum(lengths(reply[: HEADER.size]))
            if wanted > most:
                raise WireError("the message is too large")
            if len(reply) > wanted:
                raise WireError("there are surplus bytes")
            if len(reply) == wanted and wanted > HEADER.size:
                _refuse_surplus(channel)
                return reply

    def _wait(self, channel: socket.socket, deadline: _Deadline, *, writing: bool) -> None:
        """Until the channel can be used; the child's end or the deadline interrupts."""
        left = deadline.left
        if left <= 0:
            raise deadline.missed()  # also when a trickle keeps the channel ready
        poll = select.poll()
        poll.register(channel, select.POLLOUT if writing else select.POLLIN)
        poll.register(self._process.descriptor, select.POLLIN)
        ready = {number for number, _ in poll.poll(milliseconds(left))}
        while not ready and (left := deadline.left) > 0:  # it was kept waiting
            ready = {number for number, _ in poll.poll(milliseconds(left))}
        if channel.fileno() in ready and not (writing and self._process.descriptor in ready):
            return
        raise self._ended() if ready else deadline.missed()

    def _ended(self) -> Interrupted:
        """Why there will be no reply from a child that has ended or hung up."""
        hung_up = not self._process.has_ended(HANG_UP_SECONDS)
        code = self.end()
        if hung_up:
            return Interrupted(Outcome.DIED, "it closed the connection to the grader")
        if code is None:
            text = "the process ended together with the sandbox"
            return Interrupted(Outcome.DIED, text, doubtful=True)
        if code == -signal.SIGKILL:
            text = "the system ended the process: out of memory"
            return Interrupted(Outcome.MEMORY, text, doubtful=True)
        ended = "crashed" if code < 0 else "ended itself"
        return Interrupted(Outcome.DIED, f"the process {ended} ({_exit(code)})")


class _Deadline:
    """When a request ends: later by what others took from its process, within bounds."""

    def __init__(self, pid: int, seconds: float) -> None:
        self._pid = pid
        self._seconds = seconds
        self._before = shares_of(pid)
        self._start = time.monotonic()
        self.granted = 0.0

    @property
    def left(self) -> float:
        """Seconds on the clock until it; asked for more time only when there is none left."""
        passed = time.monotonic() - self._start
        left = self._seconds + self.granted - passed
        if left <= 0 and passed < MOST_TIMES * self._seconds:
            waited = kept_waiting(self._pid, self._before, self._seconds)
            self.granted = max(self.granted, min(waited, (MOST_TIMES - 1) * self._seconds))
            left = self._seconds + self.granted - passed
            left = max(left, GRANT_SECONDS) if left > 0 else left
        return left

    def missed(self) -> Interrupted:
        """The timeout: doubtful where most of the time others had the processors."""
        return Interrupted(
            Outcome.TIMEOUT,
            "it ran longer than the time limit",
            doubtful=self.granted >= (MOST_TIMES - 1) * self._seconds / 2,
        )


def _is_sentence(reply: bytearray) -> bool:
    return any(reply[: len(start)] == start[: len(reply)] for start in (MISSING, FAILED))


def _refuse_surplus(channel: socket.socket) -> None:
    with contextlib.suppress(BlockingIOError):
        if channel.recv(1):
            raise WireError("there are surplus bytes")


def _failure(name: str) -> Interrupted:
    if name == "MemoryError":
        return Interrupted(Outcome.MEMORY, "it used more memory than the limit")
    return Interrupted(Outcome.FAILED, f"its result could not be sent ({name[:100]})")


def _exit(code: int | None) -> str:
    """An exit code in words; of a signal its name."""
    if code is None or code >= 0:
        return f"exit code {'unknown' if code is None else code}"
    try:
        return signal.Signals(-code).name
    except ValueError:
        return f"signal {-code}"
