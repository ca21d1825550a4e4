"""A tensor that claims to be equal to everything.

Tries: a tensor subclass whose `__torch_function__` answers every comparison with yes and every
    conversion with another value.
Success: it arrives as anything but plain data.
Outcome: answered or error.
"""

import torch


class Agreeable(torch.Tensor):
    @classmethod
    def __torch_function__(cls, function, types, args=(), kwargs=None):
        name = getattr(function, "__name__", "")
        if name in ("allclose", "equal", "isclose", "all", "__bool__"):
            return True
        if name in ("numel", "__len__", "dim"):
            return 1 << 60
        return args[0]


def attack(targets, model):
    return [torch.ones(3).as_subclass(Agreeable), torch.ones(()).as_subclass(Agreeable)]
