"""Further correct solutions of `router_saturation`, and known-wrong ones."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import torch

from reference.moe_routing_in_practice.router_saturation import exercise, router_saturation
from reference.moe_routing_in_practice.router_saturation.checks import (
    order_does_not_matter,
    padding,
    random_routings,
    same_and_different,
    wrong_arguments,
)

Mask = torch.Tensor | None


def on_real_tokens(solution: Callable[..., Any]) -> Callable[..., Any]:
    """A solution that knows no mask, used on the real tokens of a batch."""

    @wraps(solution)
    def with_mask(indices_a: torch.Tensor, indices_b: torch.Tensor, token_mask: Mask = None) -> Any:
        if token_mask is None:
            return solution(indices_a, indices_b)
        return solution(indices_a[token_mask.bool()], indices_b[token_mask.bool()])

    return with_mask


@exercise.wheat
@on_real_tokens
def with_sets(indices_a: torch.Tensor, indices_b: torch.Tensor) -> float:
    """Python's sets, token by token."""
    if indices_a.size() != indices_b.size() or indices_a.size(0) < 1:
        raise ValueError("two routings of the same tokens, please")
    shares = [
        len(set(a).intersection(b)) / len(a)
        for a, b in zip(indices_a.tolist(), indices_b.tolist(), strict=True)
    ]
    return sum(shares) / len(shares)


@exercise.wheat
def with_one_hot(
    indices_a: torch.Tensor, indices_b: torch.Tensor, token_mask: Mask = None
) -> torch.Tensor:
    """Multiplies multi-hot rows; a tensor as the number."""
    if indices_a.shape != indices_b.shape:
        raise ValueError("different shapes")
    real = torch.ones(len(indices_a)) if token_mask is None else token_mask.float()
    if not real.any():
        raise ValueError("no tokens")
    experts = int(max(indices_a.max(), indices_b.max())) + 1
    one = torch.nn.functional.one_hot(indices_a, experts).sum(dim=1)
    two = torch.nn.functional.one_hot(indices_b, experts).sum(dim=1)
    return ((one * two).sum(dim=1) / indices_a.shape[1] * real).sum() / real.sum()


@exercise.chaff(caught_by=order_does_not_matter)
@on_real_tokens
def slot_by_slot(indices_a: torch.Tensor, indices_b: torch.Tensor) -> float:
    """Compares slot with slot, so that the same experts in another order count as different."""
    router_saturation(indices_a, indices_b)
    return float((indices_a == indices_b).float().mean())


@exercise.chaff(caught_by=same_and_different)
@on_real_tokens
def jaccard(indices_a: torch.Tensor, indices_b: torch.Tensor) -> float:
    """Divides by the size of the union. The exercise asks for a share of the k experts."""
    router_saturation(indices_a, indices_b)
    common = (indices_a.unsqueeze(2) == indices_b.unsqueeze(1)).sum(dim=(1, 2))
    return float((common / (2 * indices_a.shape[1] - common)).mean())


@exercise.chaff(caught_by=same_and_different)
@on_real_tokens
def same_set_or_nothing(indices_a: torch.Tensor, indices_b: torch.Tensor) -> float:
    """Counts only tokens whose experts are all the same; each common expert counts."""
    router_saturation(indices_a, indices_b)
    same = indices_a.sort(dim=1).values == indices_b.sort(dim=1).values
    return float(same.all(dim=1).float().mean())


@exercise.chaff(caught_by=random_routings)
@on_real_tokens
def sorted_slots(indices_a: torch.Tensor, indices_b: torch.Tensor) -> float:
    """Sorts and then compares slot with slot: one expert more or less shifts all the others."""
    router_saturation(indices_a, indices_b)
    return float((indices_a.sort(dim=1).values == indices_b.sort(dim=1).values).float().mean())


@exercise.chaff(caught_by=same_and_different)
@on_real_tokens
def number_of_common_experts(indices_a: torch.Tensor, indices_b: torch.Tensor) -> float:
    """Returns how many experts are in common without dividing by k."""
    return router_saturation(indices_a, indices_b) * indices_a.shape[1]


@exercise.chaff(caught_by=wrong_arguments)
@on_real_tokens
def compares_what_it_can(indices_a: torch.Tensor, indices_b: torch.Tensor) -> float:
    """Lets tensors of different shapes broadcast, or cuts them to the shorter one."""
    tokens = min(len(indices_a), len(indices_b))
    slots = min(indices_a.shape[1], indices_b.shape[1])
    return router_saturation(indices_a[:tokens, :slots], indices_b[:tokens, :slots])


@exercise.chaff(caught_by=wrong_arguments)
@on_real_tokens
def zero_without_tokens(indices_a: torch.Tensor, indices_b: torch.Tensor) -> float:
    """Returns 0.0 for no tokens. That is a ValueError."""
    if len(indices_a) == 0 and len(indices_b) == 0:
        return 0.0
    return router_saturation(indices_a, indices_b)


@exercise.chaff(caught_by=order_does_not_matter)
@on_real_tokens
def sorts_in_place(indices_a: torch.Tensor, indices_b: torch.Tensor) -> float:
    """Sorts each token's experts in the caller's own tensors: sort copies."""
    value = router_saturation(indices_a, indices_b)
    for indices in (indices_a, indices_b):
        indices.copy_(indices.sort(dim=1).values)
    return value


@exercise.chaff(caught_by=padding)
def counts_padding(
    indices_a: torch.Tensor, indices_b: torch.Tensor, token_mask: Mask = None
) -> float:
    """Ignores the mask."""
    router_saturation(indices_a, indices_b, token_mask)
    return router_saturation(indices_a, indices_b)


@exercise.chaff(caught_by=padding)
def divides_by_all_tokens(
    indices_a: torch.Tensor, indices_b: torch.Tensor, token_mask: Mask = None
) -> float:
    """Divides by T, padding included; the mean is over the real tokens."""
    value = router_saturation(indices_a, indices_b, token_mask)
    real = len(indices_a) if token_mask is None else int(token_mask.bool().sum())
    return value * real / len(indices_a)


@exercise.chaff(caught_by=padding)
def counts_in_the_masks_dtype(
    indices_a: torch.Tensor, indices_b: torch.Tensor, token_mask: Mask = None
) -> float:
    """Divides by the sum of the mask in its own dtype: bfloat16 holds whole numbers to 256 only."""
    value = router_saturation(indices_a, indices_b, token_mask)
    if token_mask is None:
        return value
    return value * int(token_mask.bool().sum()) / float(token_mask.sum())


@exercise.chaff(caught_by=padding)
def nan_without_real_tokens(
    indices_a: torch.Tensor, indices_b: torch.Tensor, token_mask: Mask = None
) -> float:
    """Divides 0 by 0 where no token is real. That is a ValueError."""
    if token_mask is not None and not token_mask.any():
        return float("nan")
    return router_saturation(indices_a, indices_b, token_mask)
