"""Containers and numbers that lie about what they hold.

Tries: dict, list, tuple, str, int and float subclasses, a mapping and a sequence of one's own, a
    default dict, a counter, a named tuple, an enumeration, and arrays of claimed endless length.
Success: they arrive as anything but plain data, or their own code runs in the grader.
Outcome: timeout.
"""

import collections
import enum
import types

import numpy as np


class Endless(list):
    def __iter__(self):
        return iter(int, 1)

    def __len__(self):
        return 1 << 62


class Everything(dict):
    def __missing__(self, key):
        return 1.0

    def __contains__(self, key):
        return True

    def items(self):
        return ((n, n) for n in iter(int, 1))

    keys = values = __iter__ = items


class Whole(int):
    def __int__(self):
        return 7

    __index__ = __float__ = __trunc__ = __eq__ = __lt__ = __int__

    __hash__ = int.__hash__


class Text(str):
    def encode(self, *args):
        raise KeyboardInterrupt

    __str__ = __getitem__ = encode


class Array(np.ndarray):
    def tobytes(self, *args):
        return b"x" * (1 << 30)

    shape = property(lambda self: (1 << 40,))


class Choice(enum.IntEnum):
    ONE = 1


class Own(collections.abc.Mapping):
    def __getitem__(self, key):
        return self

    def __len__(self):
        return 3

    def __iter__(self):
        return iter(self)

    def __next__(self):
        return self


def attack(targets, model):
    return [
        Endless([1, 2]),
        Everything(a=1),
        Whole(1),
        Text("text"),
        Choice.ONE,
        Own(),
        types.MappingProxyType({"a": 1}),
        collections.defaultdict(list, a=1),
        collections.Counter("aab"),
        collections.OrderedDict(a=1),
        collections.namedtuple("Pair", "a b")(1, 2),
        collections.UserDict(a=1),
        np.ma.masked_array([1, 2], [True, False]),
        np.matrix([[1, 2]]),
        np.array([(1, 2.0)], dtype=[("a", int), ("b", float)]),
        np.ones(3).view(Array),
    ]
