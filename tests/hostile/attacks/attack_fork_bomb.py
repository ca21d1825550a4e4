"""A fork bomb, bounded to 2,000 attempts.

Tries: forking again and again, each child as well.
Success: a single child.
Outcome: refused.
"""

import os


def attack(targets, model):
    for _ in range(2000):
        try:
            child = os.fork()
        except (OSError, RuntimeError):  # filelock refuses first, on Python 3.13
            continue
        if child == 0:
            os._exit(0)
        return "forked"
    return ""
