"""Arrays and tensors whose shape has nothing to do with what they hold.

Tries: zero strides, overlapping and reversed views, broadcasts to 2**50 elements, empty ones with
    huge sizes, and a storage that was freed.
Success: the grader or the child uses as much memory as the shapes claim.
Outcome: answered or error or memory.
"""

import numpy as np
import torch


def attack(targets, model):
    freed = torch.ones(1000)
    freed.untyped_storage().resize_(0)
    return [
        np.broadcast_to(np.float32(1), (1 << 50,)),
        np.lib.stride_tricks.as_strided(np.ones(4), (1 << 30, 1 << 10), (0, 0)),
        np.arange(6.0).reshape(2, 3)[::-1, ::-1].T,
        torch.ones(1).as_strided((1 << 20, 1 << 20), (0, 0)),
        torch.ones(1).expand(1 << 12, 1 << 12, 1 << 12),
        torch.empty(0, 1 << 40),
        torch.zeros(0, dtype=torch.float64).reshape(0, 1, 2, 3, 4, 5, 6, 7),
        torch.arange(12.0).reshape(3, 4).t().flip(0),
        freed,
    ]
