"""Modes of torch that answer every operation.

Tries: `__torch_function__` and `__torch_dispatch__` modes that stay on after the call, wrapper
    tensors whose every attribute lies, and a default device that holds no values.
Success: the reply never comes, or an honest submission afterwards sees a mode.
Outcome: answered or error or failed.
"""

import torch
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode


class Function(TorchFunctionMode):
    def __torch_function__(self, function, types, args=(), kwargs=None):
        return torch._C._get_tracing_state() or 1.0


class Dispatch(TorchDispatchMode):
    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        raise SystemExit("nothing is computed here")


class Wrapper(torch.Tensor):
    @staticmethod
    def __new__(cls):
        return torch.Tensor._make_wrapper_subclass(cls, (2, 2), dtype=torch.float32)

    @classmethod
    def __torch_dispatch__(cls, function, types, args=(), kwargs=None):
        return Wrapper()

    @classmethod
    def __torch_function__(cls, function, types, args=(), kwargs=None):
        return True


def attack(targets, model):
    wrapper = Wrapper()
    torch.set_default_device("meta")
    Dispatch().__enter__()
    Function().__enter__()
    return [wrapper, {"a": wrapper}, (1, wrapper)]
