"""A regular expression that takes years.

Tries: to hold the interpreter's lock for good.
Success: the grader waits for longer than the time limit.
Outcome: timeout.
"""

import re


def attack(targets, model):
    return "finished" if re.match(r"(a+)+$", "a" * 64 + "b") else ""
