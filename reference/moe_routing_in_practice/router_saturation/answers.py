"""Further correct solutions of `router_saturation`, and known-wrong ones."""

from __future__ import annotations

import torch

from reference.moe_routing_in_practice.router_saturation import exercise, router_saturation
from reference.moe_routing_in_practice.router_saturation.checks import (
    order_does_not_matter,
    random_routings,
    same_and_different,
    wrong_arguments,
)


@exercise.wheat
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
def with_one_hot(indices_a: torch.Tensor, indices_b: torch.Tensor) -> torch.Tensor:
    """Multiplies multi-hot rows; a tensor as the number."""
    if indices_a.shape != indices_b.shape:
        raise ValueError("different shapes")
    if indices_a.numel() == 0:
        raise ValueError("no tokens")
    experts = int(max(indices_a.max(), indices_b.max())) + 1
    one = torch.nn.functional.one_hot(indices_a, experts).sum(dim=1)
    two = torch.nn.functional.one_hot(indices_b, experts).sum(dim=1)
    return ((one * two).sum(dim=1) / indices_a.shape[1]).mean()


@exercise.chaff(caught_by=order_does_not_matter)
def slot_by_slot(indices_a: torch.Tensor, indices_b: torch.Tensor) -> float:
    """Compares slot with slot, so that the same experts in another order count as different."""
    router_saturation(indices_a, indices_b)
    return float((indices_a == indices_b).float().mean())


@exercise.chaff(caught_by=same_and_different)
def jaccard(indices_a: torch.Tensor, indices_b: torch.Tensor) -> float:
    """Divides by the size of the union. The exercise asks for a share of the k experts."""
    router_saturation(indices_a, indices_b)
    common = (indices_a.unsqueeze(2) == indices_b.unsqueeze(1)).sum(dim=(1, 2))
    return float((common / (2 * indices_a.shape[1] - common)).mean())


@exercise.chaff(caught_by=same_and_different)
def same_set_or_nothing(indices_a: torch.Tensor, indices_b: torch.Tensor) -> float:
    """Counts only tokens whose experts are all the same; each common expert counts."""
    router_saturation(indices_a, indices_b)
    same = indices_a.sort(dim=1).values == indices_b.sort(dim=1).values
    return float(same.all(dim=1).float().mean())


@exercise.chaff(caught_by=random_routings)
def sorted_slots(indices_a: torch.Tensor, indices_b: torch.Tensor) -> float:
    """Sorts and then compares slot with slot: one expert more or less shifts all the others."""
    router_saturation(indices_a, indices_b)
    return float((indices_a.sort(dim=1).values == indices_b.sort(dim=1).values).float().mean())


@exercise.chaff(caught_by=same_and_different)
def number_of_common_experts(indices_a: torch.Tensor, indices_b: torch.Tensor) -> float:
    """Returns how many experts are in common without dividing by k."""
    return router_saturation(indices_a, indices_b) * indices_a.shape[1]


@exercise.chaff(caught_by=wrong_arguments)
def compares_what_it_can(indices_a: torch.Tensor, indices_b: torch.Tensor) -> float:
    """Lets tensors of different shapes broadcast, or cuts them to the shorter one."""
    tokens = min(len(indices_a), len(indices_b))
    slots = min(indices_a.shape[1], indices_b.shape[1])
    return router_saturation(indices_a[:tokens, :slots], indices_b[:tokens, :slots])


@exercise.chaff(caught_by=wrong_arguments)
def zero_without_tokens(indices_a: torch.Tensor, indices_b: torch.Tensor) -> float:
    """Returns 0.0 for no tokens. That is a ValueError."""
    if len(indices_a) == 0 and len(indices_b) == 0:
        return 0.0
    return router_saturation(indices_a, indices_b)


@exercise.chaff(caught_by=order_does_not_matter)
def sorts_in_place(indices_a: torch.Tensor, indices_b: torch.Tensor) -> float:
    """Sorts each token's experts in the caller's own tensors: sort copies."""
    value = router_saturation(indices_a, indices_b)
    for indices in (indices_a, indices_b):
        indices.copy_(indices.sort(dim=1).values)
    return value
