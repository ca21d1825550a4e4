"""End the process a moment after an honest answer.

Tries: a thread that ends the process later, so that the next call gets the blame or the grader is
    caught between two calls.
Success: another submission is hurt.
Outcome: refused.
"""

import os
import threading


def attack(targets, model):
    threading.Timer(0.05, os._exit, (0,)).start()
    return ""
