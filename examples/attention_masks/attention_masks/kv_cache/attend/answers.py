"""More solutions of `attend`: right ones in another style, and known mistakes."""

from __future__ import annotations

import math

import torch

from attention_masks.kv_cache.attend import exercise
from attention_masks.kv_cache.attend.checks import equal_keys, large_scores, random_caches


@exercise.wheat
def sum_by_sum(query: torch.Tensor, keys: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
    """Sums in place of products of matrices."""
    scores = (keys * query).sum(1) / math.sqrt(query.shape[0])
    weights = torch.exp(scores - scores.max())
    return (weights[:, None] * values).sum(0) / weights.sum()


@exercise.chaff(caught_by=random_caches)
def without_the_root(query: torch.Tensor, keys: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
    """Forgets to divide by the square root of d."""
    return (keys @ query).softmax(0) @ values


@exercise.chaff(caught_by=(equal_keys, random_caches, large_scores))
def adds_up(query: torch.Tensor, keys: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
    """Weighs with a sigmoid, so that the weights do not add up to one."""
    return (keys @ query / len(query) ** 0.5).sigmoid() @ values


@exercise.chaff(caught_by=large_scores)
def exponentials_overflow(
    query: torch.Tensor, keys: torch.Tensor, values: torch.Tensor
) -> torch.Tensor:
    """Large exponentials overflow. Take off the largest score first, or use `softmax`."""
    weights = (keys @ query / len(query) ** 0.5).exp()
    return weights @ values / weights.sum()
