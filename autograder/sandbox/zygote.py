"""Starting a zygote, and asking it for children."""

from __future__ import annotations

import contextlib
import re
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

from autograder.inside.settings import SharedModel, ZygoteSettings
from autograder.sandbox.cgroups import Group
from autograder.sandbox.child import Child
from autograder.sandbox.errors import SandboxError

STARTUP_SECONDS = 180.0
REPLY_SECONDS = 30.0
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
NOTHING_MORE: Mapping[str, str] = MappingProxyType({})
CACHE_VARIABLES = ("HOME", "HF_HOME", "MPLCONFIGDIR", "TORCHINDUCTOR_CACHE_DIR", "XDG_CACHE_HOME")


class Zygote:
    """A warm process, ready to be forked. One child at a time; `close` ends it and its children.

    It lives in `group`, which is its own, where there is one. `describe` is asked where the weights
    of the settings' models are, while it imports its libraries.
    """

    def __init__(
        self,
        settings: ZygoteSettings,
        group: Group | None = None,
        *,
        environment: Mapping[str, str] = NOTHING_MORE,
        describe: Callable[[tuple[SharedModel, ...]], list[int]] = lambda models: [],
    ) -> None:
        self.settings = settings
        self._group = group
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._control = ours
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the zygote
        with theirs:
            variables = {**ENVIRONMENT, **environment}
            variables |= dict.fromkeys(CACHE_VARIABLES, settings.scratch)
            self._process = _start(theirs, self._log.fileno(), variables)
        self._control.settimeout(STARTUP_SECONDS)
        try:
            if group is not None:
                group.add(self._process.pid)
            self._control.send(settings.to_message())
            if settings.models:
                files = describe(settings.models)  # meanwhile it imports its libraries
                socket.send_fds(self._control, [b"weights"], files)
            answer = self._control.recv(1 << 16).decode("utf-8", "replace")
        except OSError as error:
            self.close()
            raise SandboxError(f"the sandbox did not start: {error}") from error
        except BaseException:
            self.close()
            raise
        if not answer.startswith("ready"):
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
        """A new child that locks itself down meanwhile; `await_ready` before its first request."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            with theirs:
                socket.send_fds(self._control, [b"fork"], [theirs.fileno()])
            message, descriptors, _, _ = socket.recv_fds(self._control, 64, 1)
        except OSError as error:
            ours.close()
            raise SandboxError(f"the sandbox has stopped: {self._last_words()}") from error
        if not descriptors:
            ours.close()
            raise SandboxError(f"the sandbox has stopped: {self._last_words()}")
        return Child(int(message), descriptors[0], ours, self._reap)

    def close(self) -> None:
        """End the zygote; the kernel ends its children with it."""
        self._control.close()
        try:
            self._process.wait(2)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
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
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(1)
        self._log.seek(0)
        lines = self._log.read(1 << 16).decode("utf-8", "replace").strip().splitlines()
        errors = [line for line in lines if re.match(r"\w+(Error|Exception|Interrupt)\b", line)]
        return (errors or lines or ["it gave no reason"])[-1]


def _start(
    control: socket.socket, log: int, variables: Mapping[str, str]
) -> subprocess.Popen[bytes]:
    """Start the program; what libraries want to cache goes to a folder that does not last."""
    program = Path(__file__).resolve().parents[1] / "inside"
    descriptor = control.fileno()
    command = [sys.executable, "-I", "-B", str(program), str(descriptor)]
    return subprocess.Popen(  # noqa: S603 - our own program, fixed arguments
        command,
        env=variables,
        cwd="/",
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        pass_fds=(descriptor,),
        start_new_session=True,
    )
