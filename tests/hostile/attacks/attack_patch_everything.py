"""Replace functions that every submission uses.

Tries: torch, NumPy, builtins, json, the call and the forward of modules, import hooks, and entries
    of `sys.modules`.
Success: an honest submission afterwards gets other values.
Outcome: refused or error or failed or died.
"""

import builtins
import json
import sys

import numpy as np
import torch


def wrong(*args, **kwargs):
    return torch.zeros(1)


def attack(targets, model):
    torch.softmax = torch.allclose = torch.equal = torch.nn.functional.softmax = wrong
    torch.Tensor.sum = torch.Tensor.mean = torch.Tensor.__eq__ = wrong
    torch.nn.Module.__call__ = wrong
    torch.nn.Linear.forward = wrong
    type(model).forward = wrong
    np.isclose = np.allclose = np.array_equal = wrong
    json.loads = json.dumps = wrong
    sys.modules["torch.fft"] = sys.modules["math"] = torch
    sys.meta_path.clear()
    sys.path.clear()
    builtins.len = builtins.sum = builtins.isinstance = builtins.open = wrong
    return ""
