"""The grader's end of one zygote: it is set up, asked for children, and ended with them."""

from __future__ import annotations

import os
import socket
import tempfile
from collections.abc import Callable

from autograder.inside.spec import SharedModel, ZygoteSettings
from autograder.sandbox import forkserver
from autograder.sandbox.cgroups import Group
from autograder.sandbox.child import KILL_SECONDS, Child
from autograder.sandbox.errors import SandboxError, ShortageError, as_sandbox_error
from autograder.sandbox.forkserver import last_words
from autograder.sandbox.pidfd import ProcessHandle

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
            forkserver.SANDBOXES.packages = settings.packages
            self._control, self.process = forkserver.SANDBOXES.fork(self._log)
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
