"""Abort the process through the C library.

Tries: `abort()`.
Success: the grader crashes as well, or the next submission cannot be graded.
Outcome: died.
"""

import os


def attack(targets, model):
    os.abort()
