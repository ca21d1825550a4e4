"""Random router logits for checks: no ties, and the same numbers in every float dtype."""

from __future__ import annotations

import numpy as np
import torch

STEP = 0.125


def ranked_logits(
    rng: np.random.Generator, tokens: int, experts: int, dtype: torch.dtype = torch.float32
) -> torch.Tensor:
    """Draw logits [tokens, experts] whose ranks within each token are at least 0.125 apart.

    They are multiples of 0.125 between -h and h, h = max(2, experts / 8), and therefore exact in
    float32, bfloat16 and float16 (up to 256 experts).
    """
    half = max(16, experts)
    grid = np.tile(np.arange(-half, half, dtype=np.float64), (tokens, 1))
    steps = rng.permuted(grid, axis=1)[:, :experts]
    return torch.from_numpy(steps * STEP).to(dtype)
