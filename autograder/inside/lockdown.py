"""Lock this process down for good: user, limits, Landlock and system calls. No way back.

The order matters: limits and the change of user first, then Landlock, the system-call filter last.
"""

from __future__ import annotations

import os
import re
import resource
import tempfile

import pyseccomp
import sandlock

from autograder import linux
from autograder.inside import rootfs
from autograder.inside.syscalls import CHANGING_FILES, SYSCALLS

OPEN_FILES = 256
THREADS = 64
SHARED_USER_THREADS = 500  # beyond those that the user already has
RESERVED_THREADS = 64  # of an ordinary user's, for the grader: no submission can take them
LEAST_THREADS = 8  # of a submission, however little room there is
ZYGOTE_PROCESSES = 2  # in a namespace, besides the child: the zygote, and what waits for its end
COUNTS_BY_NAMESPACE = (5, 14)  # the first kernel with a count of threads for each user namespace
FILE_BYTES = 64 << 20

_CLONE_THREAD = 0x00010000
_CLONE_NAMESPACES = 0x7E020000
_AF_UNIX = 1
_ENOSYS = 38
_EPERM = 1
_HARMLESS_IOCTLS = (0x5401, 0x5413, 0x541B, 0x5421, 0x5450, 0x5451)  # TCGETS … FIOCLEX
# NVIDIA's driver: requests of type F, and below 256 for its unified memory (which never were
# given a type); docs/security.md. A child can open no files but the device files for writing.
_NVIDIA_IOCTLS = ((0xFF00, 0x4600), (0xFFFFFF00, 0))
_HARMLESS_FCNTLS = (0, 1, 2, 3, 4, 1030, 1032)  # F_DUPFD … F_SETFL, F_DUPFD_CLOEXEC, F_GETPIPE_SZ
_LOCKING_FCNTLS = (6, 7, 37, 38)  # F_SETLK, F_SETLKW, F_OFD_SETLK, F_OFD_SETLKW
_HARMLESS_PRCTLS = (3, 15, 16, 0x53564D41)  # get dumpable; set, get the thread's name; name memory


def most_threads(own: int = THREADS, *, own_namespace: bool = False) -> int:
    """How many threads a child may have, counted as the kernel does.

    Children of root get a user of their own, and those of an ordinary user in `own_namespace` a
    count of their own: both have `own` threads. Elsewhere an ordinary user's children are counted
    together with the grader, and leave it room: `RESERVED_THREADS` below its own limit.
    """
    if os.geteuid() == 0:
        return own
    if own_namespace and _kernel() >= COUNTS_BY_NAMESPACE:
        return own + ZYGOTE_PROCESSES
    threads = linux.threads_of(os.geteuid())
    wanted = threads + SHARED_USER_THREADS
    limit = resource.getrlimit(resource.RLIMIT_NPROC)[0]
    return wanted if limit == resource.RLIM_INFINITY else min(wanted, _with_room(limit, threads))


def leave_room() -> None:
    """Before an ordinary user's namespaces are made: what is in them leaves the grader threads.

    The kernel counts each namespace's threads for the user who made it, too, against the limit that
    this user had then.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NPROC)
    if os.geteuid() != 0 and soft != resource.RLIM_INFINITY:
        most = _with_room(soft, linux.threads_of(os.geteuid()))
        resource.setrlimit(resource.RLIMIT_NPROC, (min(most, soft), hard))


def _with_room(limit: int, threads: int) -> int:
    """A user's limit less what the grader keeps; never so few that nothing more can run."""
    return max(limit - RESERVED_THREADS, threads + LEAST_THREADS)


def _kernel() -> tuple[int, ...]:
    """The kernel's version, as far as it matters here."""
    return tuple(map(int, re.findall(r"\d+", os.uname().release)[:2]))


def set_limits(address_space: int, seconds: int, threads: int) -> None:
    """Limit this process: bytes of address space, seconds of processor time, files, threads."""
    if min(address_space, seconds, threads) <= 0:
        raise ValueError("a limit must be more than nothing")  # to the kernel, -1 is unlimited
    limits = {
        resource.RLIMIT_AS: address_space,
        resource.RLIMIT_CPU: seconds,
        resource.RLIMIT_FSIZE: FILE_BYTES,
        resource.RLIMIT_NOFILE: OPEN_FILES,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_MSGQUEUE: 0,
        resource.RLIMIT_MEMLOCK: 0,
        resource.RLIMIT_NPROC: threads,
    }
    for kind, value in limits.items():
        hard = resource.getrlimit(kind)[1]
        bounded = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(kind, (bounded, bounded))


def restrict_files(readable: list[str], writable: list[str]) -> None:
    """Allow reading these files and folders, writing those, and nothing else (Landlock).

    Also refuses signals and abstract sockets to processes outside, where the kernel knows how.
    """
    newer = [
        sandlock.Protection.FS_REFER,
        sandlock.Protection.FS_TRUNCATE,
        sandlock.Protection.FS_IOCTL_DEV,
        sandlock.Protection.SIGNAL_SCOPE,
        sandlock.Protection.ABSTRACT_UNIX_SOCKET_SCOPE,
    ]
    sandlock.confine(
        sandlock.Sandbox(
            fs_readable=[path for path in readable if os.path.exists(path)],
            fs_writable=writable,
            allow_degraded=newer,
        )
    )


def system_call_filter(
    *, own_namespaces: bool, architecture: int | None = None, gpu: bool = False
) -> bytes:
    """The allow-list as a program for the kernel, made once for all children.

    In namespaces of its own a child may also change files (there are none but its own) and signal
    itself (it is process 1 there); elsewhere it may do neither. Calls through the entry of another
    architecture than `architecture` (`pyseccomp.Arch`, this machine's if None) end the process.
    With a `gpu` it may talk to NVIDIA's driver.
    """
    rules = pyseccomp.SyscallFilter(pyseccomp.ERRNO(_EPERM))
    if architecture not in (None, pyseccomp.system_arch()):
        rules.add_arch(architecture)
        rules.remove_arch(pyseccomp.system_arch())
    for name in (*SYSCALLS, *CHANGING_FILES) if own_namespaces else SYSCALLS:
        _allow(rules, name)
    Arg, EQ, MASKED = pyseccomp.Arg, pyseccomp.EQ, pyseccomp.MASKED_EQ
    _allow(rules, "clone", Arg(0, MASKED, _CLONE_THREAD | _CLONE_NAMESPACES, _CLONE_THREAD))
    _allow(rules, "socketpair", Arg(0, EQ, _AF_UNIX))
    _allow(rules, "sendto", Arg(4, EQ, 0))
    for request in _HARMLESS_IOCTLS:
        _allow(rules, "ioctl", Arg(1, EQ, request))
    for mask, value in _NVIDIA_IOCTLS if gpu else ():
        _allow(rules, "ioctl", Arg(1, MASKED, mask, value))
    for command in _HARMLESS_FCNTLS:
        _allow(rules, "fcntl", Arg(1, EQ, command))
    for (
        command
    ) in _LOCKING_FCNTLS:  # nobody else opens its files, so a lock is had by doing nothing;
        rules.add_rule(pyseccomp.ERRNO(0), "fcntl", Arg(1, EQ, command))  # on a library's it would
    rules.add_rule(pyseccomp.ERRNO(0), "flock")  # be a signal to other submissions
    for option in _HARMLESS_PRCTLS:
        _allow(rules, "prctl", Arg(0, EQ, option))
    for name in ("prlimit64", "sched_setaffinity"):
        _allow(rules, name, Arg(0, EQ, 0))
    if own_namespaces:
        for name in ("kill", "tgkill"):
            _allow(rules, name, Arg(0, EQ, 1))
    rules.add_rule(pyseccomp.ERRNO(_ENOSYS), "clone3")
    with tempfile.TemporaryFile() as program:
        rules.export_bpf(program)
        program.seek(0)
        return program.read()


def must_read_everywhere(libraries: tuple[str, ...]) -> bool:
    """Whether children need a capability to read the libraries: their folders are closed to others.

    Raises `RuntimeError` where they need it and this process has none to give.
    """
    closed = rootfs.closed_folder(libraries) if os.geteuid() == 0 else ""
    if closed and not linux.permitted_capabilities() >> linux.CAP_DAC_READ_SEARCH & 1:
        raise RuntimeError(
            f"Python or its libraries lie in {closed}, which other users may not enter, and this "
            "process may not let them (CAP_DAC_READ_SEARCH): install them where all may read"
        )
    return bool(closed)


def lock_user(user: int, *, reads_everywhere: bool) -> None:
    """Become an unprivileged user where this process is root; drop all capabilities in any case.

    `reads_everywhere` keeps the one capability that lets the libraries be read below a folder that
    is closed to others; Landlock then says alone what may be read.
    """
    keep = (linux.CAP_DAC_READ_SEARCH,) if reads_everywhere else ()
    if os.geteuid() == 0:
        linux.become(user, keep=keep)
    else:
        linux.drop_capabilities()
    linux.never_gain_privileges()
    linux.hide_from_other_processes()
    linux.die_with_parent()


def _allow(rules: pyseccomp.SyscallFilter, name: str, *arguments: pyseccomp.Arg) -> None:
    try:
        rules.add_rule(pyseccomp.ALLOW, name, *arguments)
    except OSError:
        return  # a call that this architecture or libseccomp does not know stays forbidden
