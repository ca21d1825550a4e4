"""Signal processes of the grader.

Tries: `kill`, `tgkill`, `pidfd_send_signal`, `rt_sigqueueinfo` to the grader, another process of
    its user, the sandbox, whole groups and everybody; SIGKILL as the signal of a pipe that another
    process owns (`F_SETOWN`).
Success: another process is signalled.
Outcome: refused.
"""

import ctypes
import fcntl
import os
import signal
import struct

import pyseccomp

libc = ctypes.CDLL(None, use_errno=True)


def call(name, *arguments):
    """A system call by its name, on any architecture; -1 where it is refused or unknown."""
    number = pyseccomp.resolve_syscall(pyseccomp.Arch.NATIVE, name)
    return libc.syscall(number, *arguments) if number >= 0 else -1


def by_owner(process):
    """Ask for SIGKILL instead of SIGIO to another process when a pipe becomes readable."""
    reading, writing = os.pipe()
    try:
        fcntl.fcntl(reading, 8, process)  # F_SETOWN
    except OSError:
        pass
    else:
        return "named another process as the owner of a pipe"
    owner = struct.pack("ii", 1, process)
    try:
        fcntl.fcntl(reading, 15, owner)  # F_SETOWN_EX
        return "named another process as the owner of a pipe"
    except OSError:
        pass
    try:
        fcntl.fcntl(reading, 10, int(signal.SIGKILL))  # F_SETSIG
        return "chose the signal of a pipe"
    except OSError:
        pass
    fcntl.fcntl(reading, fcntl.F_SETFL, os.O_ASYNC | os.O_NONBLOCK)
    os.write(writing, b"x")
    return ""


def attack(targets, model):
    processes = [targets["grader"], targets["victim"], *targets["zygote"], os.getppid(), -1, 2, 3]
    for process in processes:
        if process in (0, os.getpid()):
            continue
        for number in (0, signal.SIGCONT, signal.SIGTERM, signal.SIGKILL):
            try:
                os.kill(process, number)
                return f"sent signal {number} to {process}"
            except OSError:
                pass
            if call("tgkill", process, process, int(number)) == 0:
                return f"tgkill {process}"
            if call("tkill", process, int(number)) == 0:
                return f"tkill {process}"
            if call("rt_sigqueueinfo", process, int(number), bytes(128)) == 0:
                return f"queued signal {number} to {process}"
        try:
            signal.pidfd_send_signal(os.pidfd_open(process), signal.SIGTERM)
            return f"signalled {process} through a pidfd"
        except OSError:
            pass
        try:
            os.killpg(abs(process), signal.SIGTERM)
            return f"signalled the group {process}"
        except OSError:
            pass
        if process > 0 and (gain := by_owner(process)):
            return gain
    return ""
