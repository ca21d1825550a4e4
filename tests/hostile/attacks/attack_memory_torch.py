"""Use more memory than allowed, with tensors, up to 8 GB.

Tries: large tensors that are written to.
Success: it gets more than the limit.
Outcome: memory.
"""

import torch


def attack(targets, model):
    held = [torch.ones(256 << 20, dtype=torch.uint8) for _ in range(32)]
    return f"held {len(held)} tensors of 256 MB"
