"""A result whose kind can never be told.

Tries: a class whose metaclass answers the question for its name with an endless loop.
Success: the call runs beyond its time limit.
Outcome: timeout.
"""


class Meta(type):
    @property
    def __name__(cls):
        while True:
            pass


class Thing(metaclass=Meta):
    pass


def attack(targets, model):
    return Thing()
