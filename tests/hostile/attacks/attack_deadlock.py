"""Wait for what never comes.

Tries: a lock taken twice, with signals that would wake it ignored.
Success: the grader waits for longer than the time limit.
Outcome: timeout.
"""

import signal
import threading


def attack(targets, model):
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGALRM):
        signal.signal(number, signal.SIG_IGN)
    lock = threading.Lock()
    lock.acquire()
    lock.acquire()
    return "woke up"
