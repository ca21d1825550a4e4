"""An answer of ten million parts.

Tries: a list so long that reading it takes the grader minutes.
Success: the grader reads it.
Outcome: error or timeout.
"""


def attack(targets, model):
    return [[0]] * 10_000_000
