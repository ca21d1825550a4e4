"""An answer that is valid and far too large.

Tries: a tensor of 60 MB where a few bytes were asked for.
Success: the grader runs out of time or memory.
Outcome: answered.
"""

import torch


def attack(targets, model):
    return torch.zeros(15, 1 << 20)
