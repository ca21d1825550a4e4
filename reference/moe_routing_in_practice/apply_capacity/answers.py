"""Further correct solutions of `apply_capacity`, and known-wrong ones."""

from __future__ import annotations

import math
from collections import defaultdict
from typing import Any

import numpy as np
import torch

from reference.moe_routing_in_practice.apply_capacity import apply_capacity, exercise
from reference.moe_routing_in_practice.apply_capacity.checks import (
    by_position,
    equal_weights,
    no_tokens_and_wrong_arguments,
    sizes_of_the_buffer,
    two_policies,
)

Kept = tuple[torch.Tensor, float]


@exercise.wheat
def slot_by_slot(
    indices: torch.Tensor,
    weights: torch.Tensor,
    num_experts: int,
    capacity_factor: float,
    policy: str = "position",
) -> Kept:
    """A loop over the slots in order, with a dict of how full each expert is."""
    if math.isnan(capacity_factor) or capacity_factor <= 0:
        raise ValueError("capacity_factor must be positive")
    keys = {
        "position": lambda slot: slot,
        "weight": lambda slot: (-weights[slot].item(), *slot),
    }
    if policy not in keys:
        raise ValueError(policy)
    tokens, top_k = indices.shape
    keep = torch.zeros(tokens, top_k, dtype=torch.bool)
    if tokens == 0:
        return keep, 0.0
    room = tokens * top_k * capacity_factor / num_experts
    capacity = math.inf if room == math.inf else math.ceil(room)
    load: dict[int, int] = defaultdict(int)
    for slot in sorted(np.ndindex(tokens, top_k), key=keys[policy]):
        expert = int(indices[slot])
        keep[slot] = load[expert] < capacity
        load[expert] += 1
    return keep, 1 - keep.float().mean().item()


@exercise.wheat
def running_counts(
    indices: torch.Tensor,
    weights: torch.Tensor,
    num_experts: int,
    capacity_factor: float,
    policy: str = "position",
) -> Kept:
    """One-hot slots and a cumulative sum, after sorting by weight where asked for."""
    if policy not in {"position", "weight"} or not capacity_factor > 0.0:
        raise ValueError("wrong arguments")
    total = indices.numel()
    order = np.arange(total)
    if policy == "weight":
        order = np.argsort(-weights.float().numpy().ravel(), kind="stable")
    one_hot = np.eye(num_experts, dtype=np.int64)[indices.numpy().ravel()[order]]
    rank = (one_hot.cumsum(axis=0) * one_hot).sum(axis=1)
    keep = np.empty(total, dtype=bool)
    keep[order] = rank <= np.ceil(total * capacity_factor / num_experts) if total else True
    dropped = np.float64(total - keep.sum()) / max(total, 1)
    return torch.from_numpy(keep.reshape(indices.shape)), dropped


@exercise.chaff(caught_by=sizes_of_the_buffer)
def rounds_down(
    indices: torch.Tensor,
    weights: torch.Tensor,
    num_experts: int,
    capacity_factor: float,
    policy: str = "position",
) -> Kept:
    """Rounds the capacity down (`int`, `//`); a fraction of a slot still needs a whole one."""
    room = indices.numel() * capacity_factor / num_experts
    capacity = max(0, math.floor(room)) if math.isfinite(room) else 0
    if room > 0 and indices.numel() and math.isfinite(room) and capacity == 0:
        return torch.zeros_like(indices, dtype=torch.bool), 1.0
    if capacity:
        capacity_factor = capacity * num_experts / indices.numel()
    return apply_capacity(indices, weights, num_experts, capacity_factor, policy)


@exercise.chaff(caught_by=sizes_of_the_buffer)
def rounds_twice(
    indices: torch.Tensor,
    weights: torch.Tensor,
    num_experts: int,
    capacity_factor: float,
    policy: str = "position",
) -> Kept:
    """Rounds T · k / E up before the factor is applied. Multiply first, then round up once."""
    slots = indices.numel()
    if slots and 0 < capacity_factor < math.inf:
        capacity = math.ceil(math.ceil(slots / num_experts) * capacity_factor)
        capacity_factor = (capacity - 0.5) * num_experts / slots
    return apply_capacity(indices, weights, num_experts, capacity_factor, policy)


@exercise.chaff(caught_by=two_policies)
def forgets_top_k(
    indices: torch.Tensor,
    weights: torch.Tensor,
    num_experts: int,
    capacity_factor: float,
    policy: str = "position",
) -> Kept:
    """Gives each expert ceil(T · factor / E) slots; T tokens fill T · k slots."""
    top_k = indices.shape[1]
    return apply_capacity(indices, weights, num_experts, capacity_factor / top_k, policy)


@exercise.chaff(caught_by=by_position)
def first_slots_first(
    indices: torch.Tensor,
    weights: torch.Tensor,
    num_experts: int,
    capacity_factor: float,
    policy: str = "position",
) -> Kept:
    """Serves the first slots of all tokens before any second slot, as GShard does. Here the order
    goes by token first."""
    keep, dropped = apply_capacity(indices.T, weights.T, num_experts, capacity_factor, policy)
    return keep.T.contiguous(), dropped


@exercise.chaff(caught_by=two_policies)
def smallest_weight_first(
    indices: torch.Tensor,
    weights: torch.Tensor,
    num_experts: int,
    capacity_factor: float,
    policy: str = "position",
) -> Kept:
    """Sorts weights in ascending order, so that the most important slots are dropped."""
    return apply_capacity(indices, -weights, num_experts, capacity_factor, policy)


@exercise.chaff(caught_by=equal_weights)
def later_token_of_equal_weights(
    indices: torch.Tensor,
    weights: torch.Tensor,
    num_experts: int,
    capacity_factor: float,
    policy: str = "position",
) -> Kept:
    """Reverses an ascending order: among equal weights the later token then comes first.

    Sort in descending order with `stable=True`.
    """
    if policy != "weight":
        return apply_capacity(indices, weights, num_experts, capacity_factor, policy)
    both = (indices.flip(0, 1), weights.flip(0, 1))
    keep, dropped = apply_capacity(*both, num_experts, capacity_factor, policy)
    return keep.flip(0, 1), dropped


@exercise.chaff(caught_by=two_policies)
def drops_whole_tokens(
    indices: torch.Tensor,
    weights: torch.Tensor,
    num_experts: int,
    capacity_factor: float,
    policy: str = "position",
) -> Kept:
    """Drops all slots of a token as soon as one does not fit."""
    keep, _ = apply_capacity(indices, weights, num_experts, capacity_factor, policy)
    keep = keep.all(dim=1, keepdim=True).expand_as(keep).clone()
    return keep, float((~keep).float().mean()) if keep.numel() else 0.0


@exercise.chaff(caught_by=two_policies)
def fraction_of_tokens(
    indices: torch.Tensor,
    weights: torch.Tensor,
    num_experts: int,
    capacity_factor: float,
    policy: str = "position",
) -> Kept:
    """Counts tokens that lost a slot; the fraction is one of slots."""
    keep, dropped = apply_capacity(indices, weights, num_experts, capacity_factor, policy)
    return keep, float((~keep).any(dim=1).float().mean()) if len(keep) else dropped


@exercise.chaff(caught_by=sizes_of_the_buffer)
def cannot_count_to_infinity(
    indices: torch.Tensor,
    weights: torch.Tensor,
    num_experts: int,
    capacity_factor: float,
    policy: str = "position",
) -> Kept:
    """Rounds an infinite capacity up, which Python refuses with an OverflowError."""
    if capacity_factor > 0:
        math.ceil(indices.numel() * capacity_factor / num_experts)
    return apply_capacity(indices, weights, num_experts, capacity_factor, policy)


@exercise.chaff(caught_by=no_tokens_and_wrong_arguments)
def accepts_nan(
    indices: torch.Tensor,
    weights: torch.Tensor,
    num_experts: int,
    capacity_factor: float,
    policy: str = "position",
) -> Kept:
    """Tests `capacity_factor <= 0`, which is false for NaN."""
    factor = 1.0 if math.isnan(capacity_factor) else capacity_factor
    return apply_capacity(indices, weights, num_experts, factor, policy)


@exercise.chaff(caught_by=no_tokens_and_wrong_arguments)
def position_for_every_other_policy(
    indices: torch.Tensor,
    weights: torch.Tensor,
    num_experts: int,
    capacity_factor: float,
    policy: str = "position",
) -> Kept:
    """Takes every policy but "weight" for "position", misspelt ones included."""
    known = policy if policy == "weight" else "position"
    return apply_capacity(indices, weights, num_experts, capacity_factor, known)


@exercise.chaff(caught_by=no_tokens_and_wrong_arguments)
def nan_without_tokens(
    indices: torch.Tensor,
    weights: torch.Tensor,
    num_experts: int,
    capacity_factor: float,
    policy: str = "position",
) -> Kept:
    """Divides by T · k = 0 where there are no tokens."""
    keep, dropped = apply_capacity(indices, weights, num_experts, capacity_factor, policy)
    return keep, dropped if keep.numel() else math.nan


@exercise.chaff(caught_by=no_tokens_and_wrong_arguments)
def clears_dropped_weights(
    indices: torch.Tensor,
    weights: torch.Tensor,
    num_experts: int,
    capacity_factor: float,
    policy: str = "position",
) -> Kept:
    """Sets the weights of dropped slots to 0 in the caller's own tensor: leave it as it is."""
    keep, dropped = apply_capacity(indices, weights, num_experts, capacity_factor, policy)
    weights.masked_fill_(~keep, 0.0)
    return keep, dropped


@exercise.chaff(caught_by=equal_weights)
def weight_zero_is_not_chosen(
    indices: torch.Tensor,
    weights: torch.Tensor,
    num_experts: int,
    capacity_factor: float,
    policy: str = "position",
) -> Kept:
    """Ranks the tokens of an expert in a dense matrix of weights [T, E], where a slot of weight 0
    looks like an expert that the token did not choose."""
    kept = apply_capacity(indices, weights, num_experts, capacity_factor, policy)
    if policy != "weight" or not 0 < capacity_factor < math.inf or not indices.numel():
        return kept
    capacity = math.ceil(indices.numel() * capacity_factor / num_experts)
    dense = torch.zeros(len(indices), num_experts).scatter(1, indices, weights.float())
    order = dense.argsort(dim=0, descending=True, stable=True)
    keep = order.argsort(dim=0).gather(1, indices) < capacity
    return keep, float((~keep).float().mean())


def _with_capacity(capacity: float, *arguments: Any) -> Kept:
    """The right answer for this many slots per expert instead of the right number."""
    indices, weights, num_experts, capacity_factor, policy = arguments
    if indices.numel() and 0 < capacity_factor < math.inf:
        capacity_factor = (capacity - 0.5) * num_experts / indices.numel()
    return apply_capacity(indices, weights, num_experts, capacity_factor, policy)


@exercise.chaff(caught_by=sizes_of_the_buffer)
def divides_before_it_multiplies(
    indices: torch.Tensor,
    weights: torch.Tensor,
    num_experts: int,
    capacity_factor: float,
    policy: str = "position",
) -> Kept:
    """Computes T · k / E · factor. Floats round, and another order can come out just above a whole
    number, which is rounded up to one slot too many: multiply first."""
    room = indices.numel() / num_experts * capacity_factor
    capacity = math.ceil(room) if math.isfinite(room) else room
    return _with_capacity(capacity, indices, weights, num_experts, capacity_factor, policy)


@exercise.chaff(caught_by=sizes_of_the_buffer)
def capacity_in_float32(
    indices: torch.Tensor,
    weights: torch.Tensor,
    num_experts: int,
    capacity_factor: float,
    policy: str = "position",
) -> Kept:
    """Computes the capacity in a float32 tensor, which does not hold whole numbers above 2²⁴."""
    room = torch.tensor(float(indices.numel())) * capacity_factor / num_experts
    capacity = room.ceil().item()
    return _with_capacity(capacity, indices, weights, num_experts, capacity_factor, policy)


@exercise.chaff(caught_by=no_tokens_and_wrong_arguments)
def nothing_to_drop_before_the_policy_is_read(
    indices: torch.Tensor,
    weights: torch.Tensor,
    num_experts: int,
    capacity_factor: float,
    policy: str = "position",
) -> Kept:
    """Returns early when the factor is infinite, before it looks at the policy."""
    policy = "position" if capacity_factor == math.inf else policy
    return apply_capacity(indices, weights, num_experts, capacity_factor, policy)


@exercise.chaff(caught_by=no_tokens_and_wrong_arguments)
def no_tokens_before_the_arguments_are_read(
    indices: torch.Tensor,
    weights: torch.Tensor,
    num_experts: int,
    capacity_factor: float,
    policy: str = "position",
) -> Kept:
    """Returns early for no tokens, before it looks at the factor and the policy."""
    if not indices.numel():
        return torch.ones_like(indices, dtype=torch.bool), 0.0
    return apply_capacity(indices, weights, num_experts, capacity_factor, policy)
