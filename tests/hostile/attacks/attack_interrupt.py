"""Raise what a person at the keyboard raises.

Tries: `KeyboardInterrupt` and an own subclass of `BaseException`.
Success: the grader ends, or the call counts as a pass.
Outcome: error or failed.
"""


class Odd(BaseException):
    pass


def attack(targets, model):
    raise type("KeyboardInterrupt", (Odd, KeyboardInterrupt), {})
