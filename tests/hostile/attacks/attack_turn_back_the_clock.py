"""Turn back the clocks that a time limit could use.

Tries: replacing every function of `time`, cancelling timers and alarms, then an endless loop.
Success: the time limit is not kept.
Outcome: timeout.
"""

import signal
import time


def attack(targets, model):
    for name in ("time", "monotonic", "perf_counter", "process_time", "monotonic_ns", "time_ns"):
        setattr(time, name, lambda: 0)
    signal.alarm(0)
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, signal.SIG_IGN)
    signal.signal(signal.SIGXCPU, signal.SIG_IGN)
    while True:
        pass
