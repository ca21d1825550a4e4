"""Return things that break the check rather than fail it: what the grader gets wrong costs nothing.

Tries: another odd value at every call: texts, NaN, huge numbers, empty tensors, other shapes and
    dtypes, dicts, modules, arrays, drawings, a tensor that needs a gradient.
Success: a check that ends as the grader's own error, for which nobody loses points.
Earns: 0.
"""

import itertools

import matplotlib.figure
import numpy as np
import torch

ODD = itertools.cycle(
    (
        torch.zeros(0, 5),
        torch.full((), float("nan")),
        torch.zeros((), dtype=torch.int64),
        torch.zeros(16, 8, requires_grad=True),
        10**40,
        float("inf"),
        "1.0",
        {"loss": 1.0},
        np.float64("nan"),
        np.zeros((2, 2)),
        torch.nn.Linear(1, 1),
        matplotlib.figure.Figure(),
        torch.zeros((), dtype=torch.complex64),
        torch.zeros((), dtype=torch.bool),
        [None] * 1000,
        b"1.0",
        ...,
    )
)


def compute_load_balancing_loss(router_logits, top_k=2):
    return next(ODD)
