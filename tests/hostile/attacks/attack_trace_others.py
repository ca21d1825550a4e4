"""Read and change the memory of other processes.

Tries: `ptrace`, `process_vm_readv`, `process_vm_writev`, `pidfd_getfd`, `kcmp`, `process_madvise`,
    `move_pages`, and limits, affinity and priority of other processes.
Success: another process is touched.
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


def attack(targets, model):
    buffer = ctypes.create_string_buffer(4096)
    vector = (ctypes.c_ulong * 2)(ctypes.addressof(buffer), 4096)
    for process in (targets["grader"], targets["victim"], *targets["zygote"], os.getppid()):
        calls = {
            "ptrace attach": ("ptrace", 16, process, 0, 0),
            "ptrace seize": ("ptrace", 0x4206, process, 0, 0),
            "process_vm_readv": ("process_vm_readv", process, vector, 1, vector, 1, 0),
            "process_vm_writev": ("process_vm_writev", process, vector, 1, vector, 1, 0),
            "kcmp": ("kcmp", process, os.getpid(), 0, 0, 0),
            "move_pages": ("move_pages", process, 0, 0, 0, 0, 0),
            "migrate_pages": ("migrate_pages", process, 1, vector, vector),
            "sched_setaffinity": ("sched_setaffinity", process, 8, ctypes.byref(ctypes.c_ulong(1))),
            "setpriority": ("setpriority", 0, process, 19),
            "ioprio_set": ("ioprio_set", 1, process, 0),
            "sched_setscheduler": ("sched_setscheduler", process, 3, ctypes.byref(ctypes.c_int(0))),
        }
        for name, (system_call, *arguments) in calls.items():
            if process and call(system_call, *arguments) >= 0:
                return f"{name} on {process}"
        descriptor = call("pidfd_open", process, 0)
        if descriptor >= 0:
            for other in range(4):
                if call("pidfd_getfd", descriptor, other, 0) >= 0:
                    return f"took descriptor {other} of {process}"
        if process == 0:
            continue  # itself
        try:
            resource.prlimit(process, resource.RLIMIT_CPU, (1, 1))
            return f"limited {process}"
        except OSError:
            pass
    return ""
