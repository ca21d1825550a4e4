"""Live on after the submission: detach, ignore signals, refuse to die with the parent.

Tries: a double fork with a new session; ignoring every signal; threads that are no daemons and keep
    working after the answer was sent.
Success: something of it lives on after the submission has been graded.
Outcome: refused.
"""

import contextlib
import os
import signal
import threading
import time


def linger():
    until = time.monotonic() + 60
    while time.monotonic() < until:
        try:
            time.sleep(0.01)
        except BaseException:
            continue


def attack(targets, model):
    for number in range(1, 65):
        with contextlib.suppress(OSError, ValueError):
            signal.signal(number, signal.SIG_IGN)
    for _ in range(8):
        threading.Thread(target=linger, daemon=False).start()
    try:
        if os.fork() == 0:
            os.setsid()
            linger()
        return "forked"
    except (OSError, RuntimeError):  # filelock refuses first, on Python 3.13
        return ""
