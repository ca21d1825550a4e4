"""Crash the process.

Tries: reading address zero.
Success: the grader crashes as well, or the next submission cannot be graded.
Outcome: died.
"""

import ctypes


def attack(targets, model):
    return ctypes.string_at(0) or "survived"
