"""A tensor of one element that pretends to be of 2**50.

Tries: `expand`, so that sending it would take a petabyte.
Success: sandbox or grader make it real.
Outcome: error.
"""

import torch


def attack(targets, model):
    return torch.ones(1).expand(1 << 50)
