"""The zygote: a warm process with the libraries and the bench, forked once per submission.

It holds no check, no reference and no submission, so its memory may be a submission's memory. It
stays single-threaded: a process that ever ran a multi-threaded torch region hangs its forks.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import os
import signal
import socket
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from autograder import linux
from autograder.inside import lockdown, rootfs
from autograder.inside.child import Lock, run_child
from autograder.inside.runner import Runner
from autograder.inside.spec import GpuAccess, ZygoteSettings
from moelab_kit import import_whole

WITH_MODELS = ("accelerate", "transformers", "autograder.inside.models")
_ROOT = str(Path(__file__).resolve().parents[2])
YOUNG_OBJECTS = 500_000  # before garbage is looked for: each figure leaves 5,000, all in cycles
KILLED_SECOND, KILLED_FIRST = b"500", b"1000"  # when memory runs out: the child, us, the grader


class Zygote:
    """Answers the grader's requests on one socket: `fork` with a descriptor, `reap PID`."""

    def __init__(self, settings: ZygoteSettings, control: socket.socket) -> None:
        self._namespaces = settings.isolation == "namespaces"
        self._forks = 0
        self._users = settings.users
        self._guest, gpu = _prepare(settings, control)
        require_one_thread()
        self._pid_namespace = os.open("/proc/self/ns/pid", os.O_RDONLY | os.O_CLOEXEC)
        self._statm = os.open("/proc/self/statm", os.O_RDONLY | os.O_CLOEXEC)
        self._killing = os.open("/proc/self/oom_score_adj", os.O_WRONLY | os.O_CLOEXEC)
        self._be_killed(KILLED_SECOND)
        self._lock = self._confine(settings, gpu)
        gc.collect()
        gc.freeze()
        gc.set_threshold(YOUNG_OBJECTS)

    def serve(self, control: socket.socket) -> None:
        """Answer requests until the grader closes its end."""
        while True:
            message, descriptors, _, _ = socket.recv_fds(control, 64, 1)
            words = message.split()
            if not words:
                return
            if words[0] == b"fork":
                self._fork(control, descriptors[0])
            else:
                _, status = os.waitpid(int(words[1]), 0)
                control.send(str(os.waitstatus_to_exitcode(status)).encode())

    def _confine(self, settings: ZygoteSettings, gpu: GpuAccess | None) -> Lock:
        """What can be done once for all children; returns what is left for each of them.

        The settings are forgotten afterwards: the paths in them are no submission's business.
        """
        threads = lockdown.most_threads(settings.threads, own_namespace=self._namespaces)
        rules = lockdown.system_call_filter(own_namespaces=self._namespaces, gpu=gpu is not None)
        if self._namespaces:
            rootfs.enter_view(settings.scratch, settings.libraries, settings.secrets, gpu)
        isolated = settings.isolation != "none"
        reads_everywhere = isolated and lockdown.must_read_everywhere(settings.libraries)
        if settings.isolation == "landlock":
            readable = rootfs.without(settings.libraries, settings.secrets)
            lockdown.restrict_files([*readable, *rootfs.DEVICES], ["/dev/null"])
        return Lock(
            isolation=settings.isolation,
            user=settings.users[0],
            reads_everywhere=reads_everywhere,
            rules=rules,
            memory=settings.memory,
            seconds=settings.seconds,
            threads=threads,
            gpu=gpu,
        )

    def _fork(self, control: socket.socket, channel: int) -> None:
        """Send the number of a new child and its pidfd, or why there is none, without one."""
        used = int(os.pread(self._statm, 64, 0).split()[0]) * os.sysconf("SC_PAGESIZE")
        self._forks += 1
        turn = self._forks % len(self._users) if self._lock.gpu is not None else 0
        lock = replace(self._lock, user=self._users[turn])
        try:
            if self._namespaces:
                linux.unshare(linux.CLONE_NEWPID)
            self._be_killed(KILLED_FIRST)  # inherited
            pid = os.fork()
        except OSError as error:
            self._after_fork(channel)
            control.send(f"there is no room for another process: {error.strerror}".encode())
            return
        if pid == 0:
            try:
                run_child(channel, lock, self._guest, used)
            finally:
                os._exit(97)
        self._after_fork(channel)
        try:
            watch = os.pidfd_open(pid)
        except OSError as error:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            control.send(f"there is no room for another descriptor: {error.strerror}".encode())
            return
        socket.send_fds(control, [str(pid).encode()], [watch])
        os.close(watch)

    def _after_fork(self, channel: int) -> None:
        self._be_killed(KILLED_SECOND)
        if self._namespaces:
            linux.setns(self._pid_namespace, linux.CLONE_NEWPID)
        os.close(channel)

    def _be_killed(self, score: bytes) -> None:
        """Set how soon the kernel picks this process when memory runs out."""
        with contextlib.suppress(OSError):  # a lower score than before may be refused
            os.pwrite(self._killing, score, 0)


def become_zygote(control: socket.socket, log: int) -> None:
    """In a new process: introduce it, take its settings, make it a zygote, say so, and serve."""
    os.setsid()
    for standard in (1, 2):
        os.dup2(log, standard)
    myself = os.pidfd_open(os.getpid())
    socket.send_fds(control, [str(os.getpid()).encode()], [myself])
    os.close(myself)
    settings = ZygoteSettings.from_message(control.recv(1 << 20))
    try:
        rootfs.keep_files_in(settings.scratch)
        os.environ.update(settings.environment)
        if settings.isolation == "namespaces":
            lockdown.leave_room()
            rootfs.enter_namespaces()
        zygote = Zygote(settings, control)
    except Exception as error:
        control.send(f"failed {type(error).__name__}: {error}"[:4000].encode("utf-8", "replace"))
        return
    del settings  # its paths are no submission's business
    control.send(b"ready")
    zygote.serve(control)


def _prepare(settings: ZygoteSettings, control: socket.socket) -> tuple[Runner, GpuAccess | None]:
    """Build the bench, single-threaded."""
    load(settings.packages)  # the fork server may have been started for another course
    full_scale = None
    if settings.models:
        from transformers import dynamic_module_utils

        from autograder.inside.models import FullScaleModels

        dynamic_module_utils.HF_MODULES_CACHE = os.path.join(settings.scratch, "modules")
        _, files, _, _ = socket.recv_fds(control, 16, len(settings.models))  # the weights are there
        full_scale = FullScaleModels(settings.models, files)
    runner = Runner(
        settings.bench_seed,
        full_scale,
        tiny_on_gpu=settings.tiny_on_gpu,
        packages=settings.packages,
    )
    runner.warm_up()
    _forget_paths(settings.secrets)
    gpu = settings.gpu
    if gpu is not None and full_scale is not None:
        gpu = replace(gpu, handles=full_scale.handles)
    return runner, gpu


def load(packages: Sequence[str]) -> None:
    """Import whatever the packages of a course's students need: in a child it is out of reach."""
    for name in WITH_MODELS if packages else ():
        importlib.import_module(name)
    for name in packages:
        import_whole(name)


def _forget_paths(secrets: tuple[str, ...]) -> None:
    """Remove every way of importing that leads to the grader: checkouts and editable installs."""
    with contextlib.suppress(ValueError):
        sys.path.remove(_ROOT)  # which the program put there; an installation has it once more
    hidden = {os.path.dirname(secret) for secret in secrets} | set(secrets)
    site = {path for path in sys.path if Path(path).name in ("site-packages", "dist-packages")}
    sys.path[:] = [
        path for path in sys.path if path in site or (os.path.isabs(path) and path not in hidden)
    ]
    sys.meta_path[:] = [
        finder
        for finder in sys.meta_path
        if "__editable__" not in getattr(finder, "__module__", type(finder).__module__)
    ]
    sys.path_hooks[:] = [hook for hook in sys.path_hooks if "__editable__" not in hook.__module__]


def require_one_thread() -> None:
    """Raises `RuntimeError` where a library has started a thread of its own."""
    threads = len(os.listdir("/proc/self/task"))
    if threads != 1:
        raise RuntimeError(
            f"there are {threads} threads before the fork; what is forked could hang"
        )
