"""An answer whose finalizer never returns.

Tries: `__del__` that loops when the result is dropped after it was sent.
Success: the grader waits for longer than the time limit.
Outcome: answered or timeout.
"""


class Endless:
    def __del__(self):
        while True:
            pass


def attack(targets, model):
    return [Endless(), 1.0]
