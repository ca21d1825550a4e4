"""Run a command as graders run elsewhere: as an ordinary user, or in a container.

    python tests/support/elsewhere.py user|container|container-user|old-container COMMAND...

Needs root. `user` is user 1000 who can read Python, even where it lies in a folder that is closed
to others. `container` is what Docker gives by default: its capabilities, and its list of refused
system calls (the documentation's "Seccomp security profiles for Docker"), so that there are no
namespaces to be had; `old-container` what it gave before it knew Landlock.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pyseccomp

from autograder import linux
from autograder.inside import rootfs

CHECKOUT = Path(__file__).resolve().parents[2]
USER = "1000"
CAPABILITIES = (
    "-all,+chown,+dac_override,+fowner,+fsetid,+kill,+setgid,+setuid,+setpcap,+net_bind_service,"
    "+net_raw,+sys_chroot,+mknod,+audit_write,+setfcap"
)
REFUSED = """
acct add_key bpf clock_adjtime clock_settime delete_module fanotify_init finit_module fsconfig
fsmount fsopen fspick get_mempolicy init_module io_uring_enter io_uring_register io_uring_setup
ioperm iopl kcmp kexec_file_load kexec_load keyctl lookup_dcookie mbind mount mount_setattr
move_mount move_pages nfsservctl open_by_handle_at open_tree perf_event_open pivot_root
quotactl reboot request_key set_mempolicy setdomainname sethostname setns settimeofday swapoff
swapon syslog umount umount2 unshare uselib userfaultfd ustat vhangup vm86 vm86old
"""
LANDLOCK = "landlock_add_rule landlock_create_ruleset landlock_restrict_self"
NEW_NAMESPACES = 0x7E020000
NO_SUCH_CALL, NOT_PERMITTED = 38, 1


def open_python_to_all() -> None:
    """In a mount namespace of this process: no closed folder on the way to Python and moelab."""
    linux.unshare(linux.CLONE_NEWNS)
    linux.mount("", "/", flags=linux.MS_REC | linux.MS_PRIVATE)
    needed = tuple(dict.fromkeys((sys.base_prefix, sys.prefix, str(CHECKOUT))))
    while closed := rootfs.closed_folder(needed):
        if closed in needed:
            raise SystemExit(f"{closed} itself is closed to other users")
        held = {}
        for place in (one for one in needed if rootfs.is_within(one, closed)):
            held[place] = tempfile.mkdtemp(dir="/var/tmp")
            linux.mount(place, held[place], flags=linux.MS_BIND | linux.MS_REC)
        linux.mount("tmpfs", closed, "tmpfs", 0, "size=1m,mode=755")
        for place, folder in held.items():
            os.makedirs(place, exist_ok=True)
            linux.mount(folder, place, flags=linux.MS_BIND | linux.MS_REC)
            subprocess.run(["umount", "--lazy", folder], check=True)
            os.rmdir(folder)


def filter_as_docker_does(*, also: str = "") -> None:
    """Refuse what Docker's default profile refuses, for this process and its children."""
    rules = pyseccomp.SyscallFilter(pyseccomp.ALLOW)
    for name in f"{REFUSED} {also}".split():
        if pyseccomp.resolve_syscall(pyseccomp.system_arch(), name) >= 0:
            rules.add_rule(pyseccomp.ERRNO(NOT_PERMITTED), name)
    for bit in (1 << place for place in range(32) if NEW_NAMESPACES >> place & 1):
        flag = pyseccomp.Arg(0, pyseccomp.MASKED_EQ, bit, bit)
        rules.add_rule(pyseccomp.ERRNO(NOT_PERMITTED), "clone", flag)
    rules.add_rule(pyseccomp.ERRNO(NO_SUCH_CALL), "clone3")
    rules.set_attr(pyseccomp.Attr.CTL_NNP, 0)
    rules.load()


def main(way: str, command: list[str]) -> None:
    """Become what is asked for, and execute the command."""
    open_python_to_all()
    change = ["setpriv"]
    if way in ("user", "container-user"):
        change += ["--reuid", USER, "--regid", USER, "--clear-groups"]
    if way != "user":
        filter_as_docker_does(also=LANDLOCK if way == "old-container" else "")
        change += ["--inh-caps", "-all", "--bounding-set", CAPABILITIES]
    os.execvp("setpriv", [*change, "--", *command])


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
