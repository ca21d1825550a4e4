"""Random logits for checks."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from moe_lab.inputs import STEP, ranked_logits


@pytest.mark.parametrize(("tokens", "experts"), [(1, 2), (5, 16), (40, 17), (3, 256)])
def test_ranks_of_a_token_are_at_least_one_step_apart(tokens: int, experts: int) -> None:
    logits = ranked_logits(np.random.default_rng(0), tokens, experts)

    assert logits.shape == (tokens, experts)
    assert float(logits.sort(dim=-1).values.diff(dim=-1).min()) >= STEP


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_holds_the_same_numbers_as_float32(dtype: torch.dtype) -> None:
    exact = ranked_logits(np.random.default_rng(1), 8, 256)

    half = ranked_logits(np.random.default_rng(1), 8, 256, dtype)

    assert half.dtype == dtype
    assert torch.equal(half.float(), exact)


def test_the_same_generator_state_draws_the_same_logits() -> None:
    first = ranked_logits(np.random.default_rng(4), 4, 6)

    assert torch.equal(first, ranked_logits(np.random.default_rng(4), 4, 6))
