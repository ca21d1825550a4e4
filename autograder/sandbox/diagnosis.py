"""Why an isolation level does not work on a machine, in a clause, and what would help.

Only to explain: whether a level works is found out by using it.
"""

from __future__ import annotations

import ctypes
import errno
import os
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from autograder import linux

_SYS_LANDLOCK_CREATE_RULESET = 444  # the same on every architecture
_ASK_FOR_VERSION = 1
_CAP_SYS_ADMIN = 21
_FILTERED = "2"  # the line "Seccomp:" of /proc/self/status
_IN_DOCKER = (
    "in Docker: --cap-add SYS_ADMIN --security-opt seccomp=unconfined "
    "--security-opt apparmor=unconfined"
)
_AS_ROOT = "or grade as root"

# Tries what the sandbox does first; prints the step that was refused and the error's number.
_TRY_NAMESPACES = """
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
def tried(step, result):
    if result != 0:
        print(step, ctypes.get_errno())
        raise SystemExit
flags = 0x20000 | 0x4000000 | 0x8000000 | 0x20000000 | 0x40000000
tried("unshare", libc.unshare(flags | (0x10000000 if os.geteuid() else 0)))
tried("mount", libc.mount(b"", b"/", None, ctypes.c_ulong(16384 | 1 << 18), None))
tried("mount", libc.mount(b"none", b"/tmp", b"tmpfs", ctypes.c_ulong(0), None))
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What decides about the levels.

    `landlock` is an error number, 0 where there is Landlock; `refused` the step on the way to
    namespaces that failed ("" for none), with `error`; the settings are as in /proc/sys, None where
    the kernel has no such setting.
    """

    root: bool = True
    may_administer: bool = True
    filtered: bool = False
    has_libseccomp: bool = True
    landlock: int = 0
    refused: str = ""
    error: int = 0
    max_user_namespaces: int | None = None
    unprivileged_userns_clone: int | None = None
    apparmor_restrict_unprivileged_userns: int | None = None


@dataclass(frozen=True, slots=True)
class Cause:
    """What is missing, as a clause, and what helps."""

    why: str
    remedy: str


def look() -> Facts:
    """The facts of this machine and this process. Linux only."""
    refused, error = _tried_namespaces()
    return Facts(
        root=os.geteuid() == 0,
        may_administer=bool(linux.permitted_capabilities() >> _CAP_SYS_ADMIN & 1),
        filtered=_status("Seccomp") == _FILTERED,
        has_libseccomp=_imports_pyseccomp(),
        landlock=_landlock_error(),
        refused=refused,
        error=error,
        max_user_namespaces=_setting("user/max_user_namespaces"),
        unprivileged_userns_clone=_setting("kernel/unprivileged_userns_clone"),
        apparmor_restrict_unprivileged_userns=_setting(
            "kernel/apparmor_restrict_unprivileged_userns"
        ),
    )


def cause_of(level: str, facts: Facts) -> Cause | None:
    """What keeps a level from working, as far as the facts tell."""
    if not facts.has_libseccomp:
        return Cause(
            "the library libseccomp is missing",
            "apt install libseccomp2, dnf install libseccomp, or apk add libseccomp",
        )
    if facts.landlock:
        return _no_landlock(facts)
    if level == "namespaces" and facts.refused:
        return _no_namespaces(facts)
    return None


def _no_landlock(facts: Facts) -> Cause:
    if facts.landlock == errno.EOPNOTSUPP:
        return Cause(
            "Landlock is in this kernel, but was not switched on at boot",
            "add landlock to the list after lsm= on the kernel's command line (the present list is "
            "in /sys/kernel/security/lsm), and start the machine again",
        )
    if facts.filtered:
        return Cause(
            "Landlock is not there, or the filter of system calls around this process hides it",
            "a kernel from 5.13 on with Landlock, and a container whose seccomp profile allows it, "
            "as Docker's does from version 23 on",
        )
    return Cause(
        "this kernel has no Landlock",
        "a Linux kernel from 5.13 on that was built with CONFIG_SECURITY_LANDLOCK, as those of "
        "Debian 12, Ubuntu 22.04 and Fedora 35 are",
    )


def _no_namespaces(facts: Facts) -> Cause:
    if facts.root and not facts.may_administer:
        return Cause(
            "this process is root without the right to make namespaces (CAP_SYS_ADMIN), as in a "
            "container",
            _IN_DOCKER,
        )
    if facts.max_user_namespaces == 0 and not facts.root:
        return Cause(
            "user namespaces are switched off (user.max_user_namespaces is 0)",
            f"sysctl -w user.max_user_namespaces=15000, {_AS_ROOT}",
        )
    if facts.unprivileged_userns_clone == 0 and not facts.root:
        return Cause(
            "only root may make user namespaces (kernel.unprivileged_userns_clone is 0)",
            f"sysctl -w kernel.unprivileged_userns_clone=1, {_AS_ROOT}",
        )
    if facts.apparmor_restrict_unprivileged_userns and not facts.root and not facts.filtered:
        return Cause(
            "AppArmor takes all rights from ordinary users' namespaces "
            "(kernel.apparmor_restrict_unprivileged_userns is 1)",
            "an AppArmor profile with `userns,` for this Python, "
            f"sysctl -w kernel.apparmor_restrict_unprivileged_userns=0, {_AS_ROOT}",
        )
    if facts.filtered:
        return Cause(
            "a filter of system calls around this process, as containers have, refuses namespaces",
            _IN_DOCKER,
        )
    if facts.refused == "mount":
        return Cause(
            "namespaces can be made, but nothing mounted in them "
            f"({os.strerror(facts.error)}), as AppArmor or SELinux do in containers",
            _IN_DOCKER,
        )
    return Cause(
        f"the system refuses new namespaces ({os.strerror(facts.error)})",
        "a user who may make user namespaces, " + _AS_ROOT,
    )


def _tried_namespaces() -> tuple[str, int]:
    done = subprocess.run(  # noqa: S603 - our own program, fixed arguments
        [sys.executable, "-I", "-S", "-c", _TRY_NAMESPACES],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    step, _, number = done.stdout.strip().partition(" ")
    return step, int(number or 0)


def _landlock_error() -> int:
    libc = ctypes.CDLL(None, use_errno=True)
    version = libc.syscall(
        ctypes.c_long(_SYS_LANDLOCK_CREATE_RULESET), None, ctypes.c_size_t(0), _ASK_FOR_VERSION
    )
    return 0 if version > 0 else ctypes.get_errno()


def _imports_pyseccomp() -> bool:
    try:
        import pyseccomp  # noqa: F401
    except (ImportError, RuntimeError, OSError):
        return False
    return True


def _status(field: str) -> str:
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        name, _, value = line.partition(":")
        if name == field:
            return value.strip()
    return ""


def _setting(name: str) -> int | None:
    with suppress(OSError, ValueError):
        return int(Path("/proc/sys", name).read_text(encoding="ascii"))
    return None
