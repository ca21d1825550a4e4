"""The few kernel calls that Python's standard library lacks: namespaces, mounts, capabilities.

`sandlock` (Landlock) and `pyseccomp` (system-call filters) do the rest; neither offers these for
the current process, so they are called through ctypes here. Linux only.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import os
import platform
import select
import signal
import struct

CLONE_NEWNS = 0x00020000
CLONE_NEWUTS = 0x04000000
CLONE_NEWIPC = 0x08000000
CLONE_NEWUSER = 0x10000000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000

MS_RDONLY = 1
MS_NOSUID = 2
MS_NODEV = 4
MS_NOEXEC = 8
MS_REMOUNT = 32
MS_BIND = 4096
MS_REC = 16384
MS_PRIVATE = 1 << 18
MNT_DETACH = 2

CAP_DAC_READ_SEARCH = 2

_SYS_MOUNT_SETATTR = 442  # the same on every architecture since Linux 5.12
_AT_RECURSIVE = 0x8000
_AT_FDCWD = -100
_PR_SET_PDEATHSIG = 1
_PR_SET_DUMPABLE = 4
_PR_SET_KEEPCAPS = 8
_PR_SET_SECCOMP = 22
_PR_CAPBSET_DROP = 24
_PR_SET_NO_NEW_PRIVS = 38
_PR_CAP_AMBIENT = 47
_PR_CAP_AMBIENT_CLEAR_ALL = 4
_LAST_CAPABILITY = 40
_SECCOMP_MODE_FILTER = 2
_SECCOMP_SET_MODE_FILTER = 1
_SECCOMP_FILTER_FLAG_TSYNC = 1
_SYS_SECCOMP = 317 if platform.machine() == "x86_64" else 277  # the newer architectures agree
_INSTRUCTION_BYTES = 8
_CAPABILITY_VERSION_3 = 0x20080522

_libc = ctypes.CDLL(None, use_errno=True)


def _checked(result: int, what: str) -> None:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


def _prctl(option: int, argument: int = 0) -> None:
    zero = ctypes.c_ulong(0)
    result = _libc.prctl(ctypes.c_int(option), ctypes.c_ulong(argument), zero, zero, zero)
    _checked(result, f"prctl {option}")


def unshare(flags: int) -> None:
    """Move this process (for the pid namespace: its next children) into new namespaces."""
    _checked(_libc.unshare(ctypes.c_int(flags)), "unshare")


def setns(descriptor: int, kind: int) -> None:
    """Enter the namespace that an open descriptor refers to."""
    _checked(_libc.setns(ctypes.c_int(descriptor), ctypes.c_int(kind)), "setns")


def mount(
    source: str, target: str, kind: str | None = None, flags: int = 0, data: str = ""
) -> None:
    """mount(2)."""
    result = _libc.mount(
        os.fsencode(source),
        os.fsencode(target),
        None if kind is None else kind.encode(),
        ctypes.c_ulong(flags),
        data.encode(),
    )
    _checked(result, f"mount on {target}")


def unmount(target: str) -> None:
    """Take a mount away, also while files on it are open."""
    _checked(_libc.umount2(os.fsencode(target), ctypes.c_int(MNT_DETACH)), f"umount of {target}")


def make_read_only(target: str) -> None:
    """Make a mount and all below it read-only, without set-uid programs and device files."""
    attributes = struct.pack("QQQQ", MS_RDONLY | MS_NOSUID | MS_NODEV, 0, 0, 0)
    result = _libc.syscall(
        ctypes.c_long(_SYS_MOUNT_SETATTR),
        ctypes.c_int(_AT_FDCWD),
        os.fsencode(target),
        ctypes.c_uint(_AT_RECURSIVE),
        attributes,
        ctypes.c_size_t(len(attributes)),
    )
    _checked(result, f"mount_setattr on {target}")


def enter_root(folder: str) -> None:
    """Make `folder`, a mount point, the root directory and let go of the old one."""
    os.chdir(folder)
    _checked(_libc.pivot_root(b".", b"."), "pivot_root")
    _checked(_libc.umount2(b".", ctypes.c_int(MNT_DETACH)), "umount of the old root")
    os.chdir("/")


def die_with_parent() -> None:
    """Be killed when the parent ends. Every change of uid clears this: set it again afterwards."""
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def end_with(lifeline: int) -> None:
    """Be killed by the kernel when nobody holds the writing end of a pipe any more.

    Unlike a parent's death, this does not depend on which process, or thread, forked this one.
    Nothing may be written into the pipe, and its reading end must be this process's alone.
    """
    fcntl.fcntl(lifeline, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(lifeline, fcntl.F_SETSIG, signal.SIGKILL)
    flags = fcntl.fcntl(lifeline, fcntl.F_GETFL)
    fcntl.fcntl(lifeline, fcntl.F_SETFL, flags | os.O_ASYNC)
    poll = select.poll()
    poll.register(lifeline, 0)
    if poll.poll(0):  # it was closed before the kernel had been told
        os.kill(os.getpid(), signal.SIGKILL)


def hide_from_other_processes() -> None:
    """Refuse ptrace and /proc access by processes of the same user."""
    _prctl(_PR_SET_DUMPABLE, 0)


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p))


def load_filter(program: bytes, *, every_thread: bool = False) -> None:
    """Apply a system-call filter (as libseccomp exports it) to this process, for good.

    A filter holds for the calling thread and those that it starts; `every_thread` applies it to
    those that are there already, and lets them gain no privileges either.
    """
    counted = _Program(len(program) // _INSTRUCTION_BYTES, program)
    if every_thread:
        result = _libc.syscall(
            ctypes.c_long(_SYS_SECCOMP),
            ctypes.c_uint(_SECCOMP_SET_MODE_FILTER),
            ctypes.c_uint(_SECCOMP_FILTER_FLAG_TSYNC),
            ctypes.byref(counted),
        )
        if result > 0:
            raise OSError(f"seccomp: thread {result} did not take the filter")
        _checked(result, "seccomp")
        return
    result = _libc.prctl(
        ctypes.c_int(_PR_SET_SECCOMP),
        ctypes.c_ulong(_SECCOMP_MODE_FILTER),
        ctypes.byref(counted),
        ctypes.c_ulong(0),
        ctypes.c_ulong(0),
    )
    _checked(result, "seccomp")


def never_gain_privileges() -> None:
    """Let no executed program gain privileges."""
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)


def become(uid: int, *, keep: tuple[int, ...] = ()) -> None:
    """Give up root for good: other user and group, no other groups, only capabilities `keep`."""
    if uid <= 0:
        raise ValueError(f"{uid} is not an unprivileged user")
    if keep:
        _prctl(_PR_SET_KEEPCAPS, 1)
    _bound_capabilities()
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)
    drop_capabilities(keep=keep)


def permitted_capabilities() -> int:
    """The capabilities that this process may use, as a mask of bits."""
    header = struct.pack("Ii", _CAPABILITY_VERSION_3, 0)
    sets = ctypes.create_string_buffer(24)
    _checked(_libc.capget(header, sets), "capget")
    words: tuple[int, ...] = struct.unpack("6I", sets.raw)
    return words[1] | words[4] << 32


def drop_capabilities(*, keep: tuple[int, ...] = ()) -> None:
    """Drop every capability but `keep`, for this process and whatever it might execute."""
    _bound_capabilities()
    _prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL)
    mask = sum(1 << capability for capability in keep)
    header = struct.pack("Ii", _CAPABILITY_VERSION_3, 0)
    sets = struct.pack("6I", mask, mask, 0, 0, 0, 0)
    _checked(_libc.capset(header, sets), "capset")


def threads_of(user: int) -> int:
    """How many threads a user has, as far as this process can see."""
    threads = 0
    for process in filter(str.isdecimal, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            if os.stat(f"/proc/{process}").st_uid == user:
                threads += len(os.listdir(f"/proc/{process}/task"))
    return threads


def _bound_capabilities() -> None:
    """Let no executed program gain a capability."""
    for capability in range(_LAST_CAPABILITY + 1):
        try:
            _prctl(_PR_CAPBSET_DROP, capability)
        except OSError:
            continue  # not ours to drop: the sets of this process are what counts
