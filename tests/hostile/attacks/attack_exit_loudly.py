"""Raise what ends a Python program.

Tries: `SystemExit` with success, from a function that the grader calls.
Success: the grader ends, or the call counts as a pass.
Outcome: error.
"""


def attack(targets, model):
    raise SystemExit(0)
