"""Integers of a million digits.

Tries: numbers whose conversion to text takes forever, as values, keys and shapes.
Success: the grader converts them.
Outcome: answered or error.
"""


def attack(targets, model):
    return {1 << 4_000_000: -(1 << 4_000_000), 2: [10**20, -(1 << 63), (1 << 63) - 1]}
