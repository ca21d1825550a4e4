"""Tensors without plain values.

Tries: meta, sparse, quantised, nested, complex, expanded, zero-stride, conjugated, NaN and
    half-precision tensors, arrays of objects and of dates, in one answer.
Success: the grader crashes, hangs or compares one of them.
Outcome: answered.
"""

import warnings

import numpy as np
import torch


def attack(targets, model):
    warnings.simplefilter("ignore")
    return [
        torch.empty(1 << 40, device="meta"),
        torch.eye(4).to_sparse(),
        torch.eye(4).to_sparse_csr(),
        torch.nested.nested_tensor([torch.ones(2), torch.ones(3)]),
        torch.ones(2, dtype=torch.complex64),
        torch.ones(2, dtype=torch.float8_e4m3fn),
        torch.ones(1).expand(1 << 20),
        torch.zeros(3).as_strided((3, 3), (0, 1)),
        torch.tensor([float("nan"), float("inf"), -float("inf")]),
        torch.ones(2, dtype=torch.complex64).conj().imag,
        np.array([object()], dtype=object),
        np.array(["2026-01-01"], dtype="datetime64[D]"),
        np.ones((2, 2), dtype=">f4").T,
        np.float16(1),
        torch.nn.Parameter(torch.ones(2)),
    ]
