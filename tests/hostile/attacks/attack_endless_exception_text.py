"""An exception whose text takes forever.

Tries: `__str__` that loops while the grader's side of the sandbox asks for the message.
Success: the grader waits for longer than the time limit.
Outcome: timeout.
"""


class EndlessError(Exception):
    def __str__(self):  # noqa: PLE0307
        while True:
            pass

    __repr__ = __str__


def attack(targets, model):
    raise EndlessError
