"""Start a process.

Tries: `fork`, `vfork`, `clone` and `clone3` with many flags, `posix_spawn`, `subprocess`,
    `multiprocessing`, `os.system`, `popen`, every `exec`, memory files that are executed.
Success: a new process or program runs.
Outcome: refused.
"""

import ctypes
import multiprocessing
import os
import subprocess
import sys

import pyseccomp

libc = ctypes.CDLL(None, use_errno=True)


def call(name, *arguments):
    """A system call by its name, on any architecture; -1 where it is refused or unknown."""
    number = pyseccomp.resolve_syscall(pyseccomp.Arch.NATIVE, name)
    return libc.syscall(number, *arguments) if number >= 0 else -1


def attack(targets, model):
    try:
        if os.fork() == 0:
            os._exit(0)
        return "forked"
    except (OSError, RuntimeError):  # filelock refuses first, on Python 3.13
        pass
    for name, arguments in (
        ("fork", ()),
        ("vfork", ()),
        ("clone", (17, 0, 0, 0, 0)),  # SIGCHLD
        ("clone", (0x8000 | 17, 0, 0, 0, 0)),  # sibling
        ("clone", (0x10000000 | 17, 0, 0, 0, 0)),  # in a user namespace
        ("clone", (0x4000 | 0x100 | 17, 0, 0, 0, 0)),  # vfork
        ("clone3", (ctypes.create_string_buffer(88), 88)),
    ):
        process = call(name, *arguments)
        if process == 0:
            os._exit(0)
        if process > 0:
            return f"{name} made process {process}"
    program = sys.executable
    popen = next(one for one in subprocess.Popen.__mro__ if one.__module__ == "subprocess")
    starts = (
        lambda: os.posix_spawn(program, [program, "-c", ""], {}),
        lambda: popen([program, "-c", ""]),
        lambda: popen(["/bin/sh", "-c", "true"], start_new_session=True),
        lambda: os.execv(program, [program, "-c", ""]),
        lambda: os.execve("/bin/sh", ["sh"], {}),
        lambda: os.execv("/lib64/ld-linux-x86-64.so.2", ["ld", "/bin/true"]),
        lambda: os.forkpty(),
        lambda: multiprocessing.get_context("fork").Process(target=print).start(),
        lambda: multiprocessing.get_context("spawn").Process(target=print).start(),
    )
    for number, start in enumerate(starts):
        try:
            start()
        except (OSError, RuntimeError, ImportError, subprocess.SubprocessError):
            continue
        return f"way {number} started a process"
    if libc.system(b"true") == 0:
        return "system() ran a program"
    return ""
