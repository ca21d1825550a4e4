"""Gain privileges, or weaken what holds the process.

Tries: becoming root, capabilities, user namespaces, mounts, another root folder, another namespace,
    clearing the signal of the parent's death, more limits, new kernel features (bpf, io_uring,
    userfaultfd, keys, perf, modules), and a second system-call filter.
Success: one of them works.
Outcome: refused.
"""

import ctypes
import os
import resource

import pyseccomp

libc = ctypes.CDLL(None, use_errno=True)


def call(name, *arguments):
    """A system call by its name, on any architecture; -1 where it is refused or unknown."""
    number = pyseccomp.resolve_syscall(pyseccomp.Arch.NATIVE, name)
    return libc.syscall(number, *arguments) if number >= 0 else -1


BUFFER = ctypes.create_string_buffer(4096)


def attack(targets, model):
    calls = {
        "setuid": ("setuid", 0),
        "setgid": ("setgid", 0),
        "setreuid": ("setreuid", 0, 0),
        "setresuid": ("setresuid", 0, 0, 0),
        "setgroups": ("setgroups", 1, BUFFER),
        "setfsuid": ("setfsuid", 0),
        "capset": ("capset", BUFFER, BUFFER),
        "unshare user": ("unshare", 0x10000000),
        "unshare mount": ("unshare", 0x20000),
        "unshare files": ("unshare", 0x400),
        "mount": ("mount", b"none", b"/tmp", b"tmpfs", 0, 0),
        "umount": ("umount2", b"/tmp", 2),
        "pivot_root": ("pivot_root", b".", b"."),
        "chroot": ("chroot", b"/tmp"),
        "open_tree": ("open_tree", -100, b"/", 1),
        "fsopen": ("fsopen", b"tmpfs", 0),
        "setns": ("setns", 0, 0),
        "clear the parent's death signal": ("prctl", 1, 0, 0, 0, 0),
        "become dumpable": ("prctl", 4, 1, 0, 0, 0),
        "keep capabilities": ("prctl", 8, 1, 0, 0, 0),
        "become a subreaper": ("prctl", 36, 1, 0, 0, 0),
        "allow tracers": ("prctl", 0x59616D61, -1, 0, 0, 0),
        "filter again": ("seccomp", 1, 0, BUFFER),
        "bpf": ("bpf", 0, BUFFER, 120),
        "io_uring": ("io_uring_setup", 8, BUFFER),
        "userfaultfd": ("userfaultfd", 1),
        "perf": ("perf_event_open", BUFFER, 0, -1, -1, 0),
        "add_key": ("add_key", b"user", b"moelab", b"x", 1, -3),
        "keyctl": ("keyctl", 0, -3, 1),
        "memfd_create": ("memfd_create", b"x", 0),
        "memfd_secret": ("memfd_secret", 0),
        "shmget": ("shmget", 4711, 4096, 0o1777),
        "semget": ("semget", 4711, 1, 0o1777),
        "msgget": ("msgget", 4711, 0o1777),
        "mq_open": ("mq_open", b"moelab", 0o102, 0o777, 0),
        "inotify": ("inotify_init1", 0),
        "fanotify": ("fanotify_init", 0, 0),
        "personality": ("personality", 0x0040000),
        "sethostname": ("sethostname", b"x", 1),
        "settimeofday": ("settimeofday", BUFFER, 0),
        "init_module": ("init_module", BUFFER, 0, b""),
        "kexec": ("kexec_load", 0, 0, 0, 0),
        "reboot": ("reboot", 0, 0, 0, 0),
        "swapon": ("swapon", b"/tmp", 0),
        "iopl": ("iopl", 3),
        "syslog": ("syslog", 3, BUFFER, 100),
        "acct": ("acct", b"/tmp/x"),
        "quotactl": ("quotactl", 0, 0, 0, 0),
        "vhangup": ("vhangup",),
        "timer_create": ("timer_create", 0, 0, BUFFER),
        "landlock": ("landlock_create_ruleset", 0, 0, 1),
        "setsid": ("setsid",),
        "setpgid": ("setpgid", 0, 0),
        "sched_setscheduler": ("sched_setscheduler", 0, 1, BUFFER),
        "sched_setattr": ("sched_setattr", 0, BUFFER, 0),
        "setpriority": ("setpriority", 0, 0, -20),
        "mlockall": ("mlockall", 3),
        "mbind": ("mbind", 0, 0, 0, 0, 0, 0),
        "seccomp notify": ("seccomp", 3, 0, BUFFER),
        "vmsplice": ("vmsplice", 0, 0, 0, 0),
        "pkey_alloc": ("pkey_alloc", 0, 0),
        "sendmsg": ("sendmsg", 3, BUFFER, 0),
        "listen": ("listen", 3, 1),
        "accept": ("accept", 3, 0, 0),
        "setsockopt": ("setsockopt", 3, 1, 26, BUFFER, 16),
    }
    for name, (system_call, *arguments) in calls.items():
        if call(system_call, *arguments) >= 0:
            return name
    for kind in (resource.RLIMIT_AS, resource.RLIMIT_NOFILE, resource.RLIMIT_NPROC):
        hard = resource.getrlimit(kind)[1]
        if hard == resource.RLIM_INFINITY:
            return f"limit {kind} is not set"
        try:
            resource.setrlimit(kind, (hard + 1, hard + 1))
            return f"raised limit {kind}"
        except (ValueError, OSError):
            pass
    if os.geteuid() == 0 or os.getegid() == 0:
        return "runs as root"
    return ""
