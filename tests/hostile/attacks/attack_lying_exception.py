"""An exception that lies about itself.

Tries: a metaclass that makes up names and bases, a text that raises, and one that is no text.
Success: the sandbox's own code is led astray, or the exception passes for another outcome.
Outcome: error or failed or died.
"""


class Meta(type):
    @property
    def __name__(cls):
        raise RuntimeError("no name")

    def mro(cls):
        return [cls, *ValueError.__mro__]


class LyingError(Exception, metaclass=Meta):
    def __str__(self):
        raise SystemExit("missing attack")

    __repr__ = __str__

    @property
    def __traceback__(self):
        raise KeyboardInterrupt


def attack(targets, model):
    raise LyingError
