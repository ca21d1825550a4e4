"""An endless computation inside the C library, deaf to signals and to other threads.

Tries: a regular expression and a power that take years, with the interpreter's lock held.
Success: the grader waits for longer than the time limit.
Outcome: timeout.
"""


def attack(targets, model):
    return "finished" if (3 ** (1 << 40)) else ""
