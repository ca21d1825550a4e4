"""The child: one submission. It locks itself down, then serves requests; hostile from the first."""

from __future__ import annotations

import os
import signal
import socket
import tempfile
from dataclasses import dataclass

from autograder import linux
from autograder.inside import gpu, lockdown, rootfs
from autograder.inside.runner import Runner
from autograder.inside.spec import GpuAccess
from autograder.notebook.files import MemoryFiles

CONTROL = 3  # the one descriptor, besides the standard three, that a child keeps


@dataclass(frozen=True, slots=True, kw_only=True)
class Lock:
    """How children lock themselves down, worked out once by the zygote.

    `rules` is the system-call filter; `memory` in bytes beyond what the zygote uses at the fork
    (with a `gpu`: beyond what the child uses once CUDA has started); `reads_everywhere`: see
    `confine.lock_user`.
    """

    isolation: str
    user: int
    reads_everywhere: bool
    rules: bytes
    memory: int
    seconds: int
    threads: int
    gpu: GpuAccess | None = None


def run_child(channel: int, lock: Lock, runner: Runner, used: int) -> None:
    """Lock down, say `ready` (or why not), and answer requests until the grader hangs up.

    `used` is the address space in bytes at the fork. A set-up that fails ends the process: there
    is no lower level to fall back to.
    """
    _detach(channel)
    runner.after_fork()
    control = socket.socket(fileno=CONTROL)
    try:
        _lock_down(lock, used, runner)
    except BaseException as error:
        control.send(f"{type(error).__name__}: {error}"[:1000].encode("utf-8", "replace"))
        return
    if lock.isolation == "landlock":
        MemoryFiles().install()
    control.send(b"ready")
    while True:
        kind, descriptors, _, _ = socket.recv_fds(control, 16, 1)
        if not kind or not descriptors:
            return
        with socket.socket(fileno=descriptors[0]) as reply_to:
            reply_to.sendall(runner.answer(kind.decode(), _all_of(reply_to)))


def _detach(channel: int) -> None:
    os.setsid()
    tempfile.tempdir = rootfs.WRITABLE
    rootfs.keep_files_in(rootfs.WRITABLE)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGPIPE):
        signal.signal(number, signal.SIG_DFL)
    null = os.open("/dev/null", os.O_RDWR)
    if channel != CONTROL:
        os.dup2(channel, CONTROL, inheritable=False)
    for descriptor in (0, 1, 2):
        os.dup2(null, descriptor)
    os.closerange(CONTROL + 1, os.sysconf("SC_OPEN_MAX"))


def _lock_down(lock: Lock, used: int, runner: Runner) -> None:
    if lock.isolation == "namespaces":
        rootfs.enter_private_folder()
    if lock.gpu is not None:
        used = _start_gpu(lock, lock.gpu, runner)
    lockdown.set_limits(used + lock.memory, lock.seconds, lock.threads)
    if lock.isolation == "none":
        linux.die_with_parent()
        return
    lockdown.lock_user(lock.user, reads_everywhere=lock.reads_everywhere)
    if lock.isolation == "namespaces":
        devices = lock.gpu.devices if lock.gpu else ()
        lockdown.restrict_files(["/"], [rootfs.WRITABLE, "/dev/null", *devices])
    linux.load_filter(lock.rules, every_thread=lock.gpu is not None)


def _start_gpu(lock: Lock, access: GpuAccess, runner: Runner) -> int:
    """Start CUDA and take the weights, still as the user who owns them; the address space used.

    CUDA starts threads. Limits and the user hold for all of a process, the system-call filter is
    given to all threads; only Landlock, which comes later, holds for the others alone.
    """
    if lock.isolation == "namespaces":
        with gpu.start_up(access):
            runner.start_device()
            return gpu.address_space()
    runner.start_device()
    return gpu.address_space()


def _all_of(channel: socket.socket) -> bytes:
    parts = []
    while part := channel.recv(1 << 20):
        parts.append(part)
    return b"".join(parts)
