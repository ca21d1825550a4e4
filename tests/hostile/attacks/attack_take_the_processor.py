"""Take the processor from everybody else.

Tries: real-time scheduling, negative niceness, priorities of input and output, all processors,
    locked memory, and a timer slack of nothing.
Success: one of them is granted.
Outcome: refused.
"""

import contextlib
import ctypes
import os
import resource

libc = ctypes.CDLL(None, use_errno=True)


def attack(targets, model):
    gained = []
    attempts = {
        "fifo": lambda: os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(50)),
        "round robin": lambda: os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1)),
        "nice": lambda: os.nice(-5),
        "nice of the grader": lambda: os.setpriority(os.PRIO_PROCESS, targets["grader"], 19),
        "affinity of the grader": lambda: os.sched_setaffinity(targets["grader"], {0}),
        "more processor time": lambda: resource.setrlimit(resource.RLIMIT_CPU, (1 << 40, 1 << 40)),
        "more threads": lambda: resource.setrlimit(resource.RLIMIT_NPROC, (9999, 9999)),
        "more files": lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (9999, 9999)),
        "limits of the grader": lambda: resource.prlimit(
            targets["grader"], resource.RLIMIT_NOFILE, (3, 3)
        ),
    }
    for name, attempt in attempts.items():
        with contextlib.suppress(OSError, ValueError, AttributeError):
            attempt()
            gained.append(name)
    if libc.mlockall(3) == 0:
        gained.append("locked memory")
    return " ".join(gained)
