"""One child: requests over a fresh channel each, under a deadline, and a certain end.

Everything that arrives here was written by a hostile process. A reply is a frame of a known length;
whatever comes besides it, or instead of it, discards the call.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import time
from collections.abc import Callable

from autograder.session import Interrupted
from autograder.records import Outcome
from autograder.wire.limits import HEADER, WireError, lengths
from autograder.wire.messages import FAILED, MISSING

CHUNK = 1 << 20
MAX_SENTENCE = 1000  # bytes of a reply that is a sentence instead of a frame
KILL_SECONDS = 20.0


class Child:
    """A locked-down process that holds one submission. After `end`, nothing of it is left."""

    def __init__(
        self, pid: int, watch: int, control: socket.socket, reap: Callable[[int], int]
    ) -> None:
        self._pid = pid
        self._watch = watch
        self._control = control
        self._reap = reap
        self.alive = True

    def request(self, kind: str, payload: bytes, seconds: float) -> bytes:
        """Send one request and return the reply's frame, within `seconds` of wall time.

        Raises `Interrupted` where there is none; the child has then been ended, unless it said
        properly that a function is missing.
        """
        deadline = time.monotonic() + seconds
        try:
            reply = self._exchange(kind, payload, deadline)
        except Interrupted:
            self.end()
            raise
        except (OSError, WireError) as error:
            raise self._broken(error) from error
        if reply.startswith(MISSING):
            text = reply.removeprefix(MISSING).decode("utf-8", "replace")
            raise Interrupted(Outcome.MISSING, text)
        if reply.startswith(FAILED):
            self.end()
            raise _failure(reply.removeprefix(FAILED).decode("utf-8", "replace"))
        return reply

    def end(self) -> int | None:
        """Kill the child and everything in it, wait for it, and return its exit code."""
        if not self.alive:
            return None
        self.alive = False
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(self._watch, signal.SIGKILL)
        gone = select.select([self._watch], [], [], KILL_SECONDS)[0]
        self._control.close()
        os.close(self._watch)
        if not gone:
            raise RuntimeError(f"process {self._pid} of the sandbox could not be killed")
        return self._reap(self._pid)

    def _exchange(self, kind: str, payload: bytes, deadline: float) -> bytes:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        with ours:
            with theirs:
                self._control.settimeout(max(deadline - time.monotonic(), 0.001))
                socket.send_fds(self._control, [kind.encode()], [theirs.fileno()])
            ours.setblocking(False)
            self._send(ours, payload, deadline)
            ours.shutdown(socket.SHUT_WR)
            return self._receive(ours, deadline)

    def _send(self, channel: socket.socket, payload: bytes, deadline: float) -> None:
        left = memoryview(payload)
        while left:
            self._wait(channel, deadline, writing=True)
            left = left[channel.send(left[:CHUNK]) :]

    def _receive(self, channel: socket.socket, deadline: float) -> bytes:
        reply = bytearray()
        wanted = HEADER.size
        while True:
            self._wait(channel, deadline, writing=False)
            part = channel.recv(CHUNK)
            reply += part
            if reply and _is_sentence(reply):
                if not part:
                    return bytes(reply)
                if len(reply) > MAX_SENTENCE:
                    raise WireError("a sentence is too long")
                continue
            if not part:
                raise self._ended()
            if len(reply) >= HEADER.size:
                wanted = HEADER.size + sum(lengths(bytes(reply[: HEADER.size])))
            if len(reply) > wanted:
                raise WireError("there are surplus bytes")
            if len(reply) == wanted and wanted > HEADER.size:
                _refuse_surplus(channel)
                return bytes(reply)

    def _wait(self, channel: socket.socket, deadline: float, *, writing: bool) -> None:
        """Until the channel can be used; the child's end or the deadline interrupts."""
        left = deadline - time.monotonic()
        readers = [self._watch] if writing else [channel, self._watch]
        ready = select.select(readers, [channel] if writing else [], [], max(left, 0.0))
        if channel in ready[0] or (channel in ready[1] and not ready[0]):
            return
        if ready[0]:
            raise self._ended()
        raise Interrupted(Outcome.TIMEOUT, "it ran longer than the time limit")

    def _ended(self) -> Interrupted:
        """Why there will be no reply from a child that has ended or hung up."""
        hung_up = not select.select([self._watch], [], [], 0.2)[0]
        code = self.end()
        if hung_up:
            return Interrupted(Outcome.DIED, "it closed the connection to the grader")
        if code == -signal.SIGKILL:
            return Interrupted(Outcome.MEMORY, "the system ended the process: out of memory")
        if code is not None and code < 0:
            return Interrupted(Outcome.DIED, f"the process crashed ({_signal_name(-code)})")
        return Interrupted(Outcome.DIED, f"the process ended itself (exit code {code})")

    def _broken(self, error: Exception) -> Interrupted:
        if isinstance(error, OSError):
            return self._ended()
        self.end()
        return Interrupted(Outcome.FAILED, f"the reply could not be read: {error}")


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


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
