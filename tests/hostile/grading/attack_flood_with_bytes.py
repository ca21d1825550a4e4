"""Return as many bytes as may be sent, at every call.

Tries: 250 MB as bytes, as a tensor and as thousands of arrays, which the grader must read.
Success: a grader out of memory or time: what it gets wrong itself costs nobody points.
Earns: 0.
"""

import itertools

import numpy as np
import torch

SIZE = 250_000_000
FLOODS = itertools.cycle(
    (
        lambda: bytes(SIZE),
        lambda: torch.ones(SIZE // 8, dtype=torch.float64),
        lambda: [np.ones(10_000) for _ in range(3_000)],
        lambda: {"x" * 60_000: torch.zeros(SIZE // 4)},
    )
)


def compute_load_balancing_loss(router_logits, top_k=2):
    return next(FLOODS)()
