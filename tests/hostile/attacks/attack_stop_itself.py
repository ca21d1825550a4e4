"""Stop the process, so that it neither runs nor ends.

Tries: `SIGSTOP` and `SIGTSTP` to itself, then an endless sleep.
Success: the grader waits for longer than the time limit, or a stopped process is left.
Outcome: timeout or refused.
"""

import os
import signal
import time


def attack(targets, model):
    for number in (signal.SIGSTOP, signal.SIGTSTP, signal.SIGTTIN):
        try:
            os.kill(os.getpid(), number)
            signal.raise_signal(number)
        except OSError:
            continue
    time.sleep(3600)
    return "slept"
