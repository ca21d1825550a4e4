"""Keep writing to the grader's channel after the answer.

Tries: a thread that holds a copy of the channel and sends more replies once the first has arrived.
Success: a later question gets one of them.
Outcome: refused or failed.
"""

import os
import sys
import threading
import time

from autograder.wire.encode import encode


def write(descriptor):
    while True:
        time.sleep(0.01)
        try:
            os.write(descriptor, encode(("late", None, (), "", "", 0)))
        except OSError:
            return


def attack(targets, model):
    frame = sys._getframe()
    while "reply_to" not in frame.f_locals:
        frame = frame.f_back
    copy = os.dup(frame.f_locals["reply_to"].fileno())
    threading.Timer(0.2, write, (copy,)).start()
    return ""
