"""Further correct solutions of `apply_capacity`, and known-wrong ones."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable
from functools import wraps
from typing import Any

import numpy as np
import torch

from reference.moe_routing_in_practice.apply_capacity import apply_capacity, exercise
from reference.moe_routing_in_practice.apply_capacity.checks import (
    by_position,
    equal_weights,
    first_choices_first,
    no_tokens_and_wrong_arguments,
    padding_takes_no_place,
    sizes_of_the_buffer,
    two_policies,
)

Kept = tuple[torch.Tensor, float]
Mask = torch.Tensor | None


def on_real_tokens(solution: Callable[..., Kept]) -> Callable[..., Kept]:
    """A solution that knows no mask, used on the real tokens of a batch."""

    @wraps(solution)
    def with_mask(
        indices: torch.Tensor,
        weights: torch.Tensor,
        num_experts: int,
        capacity_factor: float,
        policy: str = "position",
        token_mask: Mask = None,
    ) -> Kept:
        if token_mask is None:
            return solution(indices, weights, num_experts, capacity_factor, policy)
        real = token_mask.bool()
        keep = torch.zeros_like(indices, dtype=torch.bool)
        keep[real], dropped = solution(
            indices[real], weights[real], num_experts, capacity_factor, policy
        )
        return keep, dropped

    return with_mask


@exercise.wheat
def slot_by_slot(
    indices: torch.Tensor,
    weights: torch.Tensor,
    num_experts: int,
    capacity_factor: float,
    policy: str = "position",
    token_mask: Mask = None,
) -> Kept:
    """A loop over the slots in order, with a dict of how full each expert is."""
    if math.isnan(capacity_factor) or capacity_factor <= 0:
        raise ValueError("capacity_factor must be positive")
    keys = {
        "position": lambda slot: slot,
        "weight": lambda slot: (-weights[slot].item(), *slot),
        "choice": lambda slot: slot[::-1],
    }
    if policy not in keys:
        raise ValueError(policy)
    keep = torch.zeros(indices.shape, dtype=torch.bool)
    is_real = [1] * len(indices) if token_mask is None else token_mask.tolist()
    slots = [slot for slot in np.ndindex(*indices.shape) if is_real[slot[0]]]
    if not slots:
        return keep, 0.0
    room = len(slots) * capacity_factor / num_experts
    capacity = math.inf if room == math.inf else math.ceil(room)
    load: dict[int, int] = defaultdict(int)
    dropped = 0
    for slot in sorted(slots, key=keys[policy]):
        expert = int(indices[slot])
        keep[slot] = load[expert] < capacity
        dropped += not keep[slot]
        load[expert] += 1
    return keep, dropped / len(slots)


@exercise.wheat
@on_real_tokens
def running_counts(
    indices: torch.Tensor,
    weights: torch.Tensor,
    num_experts: int,
    capacity_factor: float,
    policy: str = "position",
) -> Kept:
    """One-hot slots and a cumulative sum, after sorting by weight where asked for."""
    if policy not in {"position", "weight", "choice"} or not capacity_factor > 0.0:
        raise ValueError("wrong arguments")
    total = indices.numel()
    order = np.arange(total)
    if policy == "weight":
        order = np.argsort(-weights.float().numpy().ravel(), kind="stable")
    if policy == "choice":
        order = order.reshape(indices.shape).ravel(order="F")
    one_hot = np.eye(num_experts, dtype=np.int64)[indices.numpy().ravel()[order]]
    rank = (one_hot.cumsum(axis=0) * one_hot).sum(axis=1)
    keep = np.empty(total, dtype=bool)
    keep[order] = rank <= np.ceil(total * capacity_factor / num_experts) if total else True
    dropped = np.float64(total - keep.sum()) / max(total, 1)
    return torch.from_numpy(keep.reshape(indices.shape)), dropped


@exercise.chaff(caught_by=sizes_of_the_buffer)
@on_real_tokens
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
@on_real_tokens
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
@on_real_tokens
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
@on_real_tokens
def first_slots_first(
    indices: torch.Tensor,
    weights: torch.Tensor,
    num_experts: int,
    capacity_factor: float,
    policy: str = "position",
) -> Kept:
    """Serves the first slots of all tokens before any second slot whatever the policy: that is
    "choice". By position, the order goes by token first."""
    if policy == "choice":
        return apply_capacity(indices, weights, num_experts, capacity_factor, policy)
    keep, dropped = apply_capacity(indices.T, weights.T, num_experts, capacity_factor, policy)
    return keep.T.contiguous(), dropped


@exercise.chaff(caught_by=two_policies)
@on_real_tokens
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
@on_real_tokens
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
@on_real_tokens
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
@on_real_tokens
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
@on_real_tokens
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
@on_real_tokens
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
@on_real_tokens
def position_for_every_other_policy(
    indices: torch.Tensor,
    weights: torch.Tensor,
    num_experts: int,
    capacity_factor: float,
    policy: str = "position",
) -> Kept:
    """Takes every policy that it doesn't know for "position", misspelt ones included."""
    known = policy if policy in ("weight", "choice") else "position"
    return apply_capacity(indices, weights, num_experts, capacity_factor, known)


@exercise.chaff(caught_by=no_tokens_and_wrong_arguments)
@on_real_tokens
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
@on_real_tokens
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
@on_real_tokens
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
@on_real_tokens
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
@on_real_tokens
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
@on_real_tokens
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
@on_real_tokens
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


@exercise.chaff(caught_by=first_choices_first)
@on_real_tokens
def choice_by_weight(
    indices: torch.Tensor,
    weights: torch.Tensor,
    num_experts: int,
    capacity_factor: float,
    policy: str = "position",
) -> Kept:
    """Serves the first choices by weight, which is batch prioritized routing. By choice, the
    earlier token comes first."""
    if policy != "choice" or not indices.numel():
        return apply_capacity(indices, weights, num_experts, capacity_factor, policy)
    order = weights[:, 0].argsort(descending=True, stable=True)
    keep, dropped = apply_capacity(
        indices[order], weights[order], num_experts, capacity_factor, policy
    )
    return keep[order.argsort()], dropped


@exercise.chaff(caught_by=first_choices_first)
@on_real_tokens
def choice_is_position(
    indices: torch.Tensor,
    weights: torch.Tensor,
    num_experts: int,
    capacity_factor: float,
    policy: str = "position",
) -> Kept:
    """Takes "choice" for "position": first choices of later tokens come before second ones."""
    known = "position" if policy == "choice" else policy
    return apply_capacity(indices, weights, num_experts, capacity_factor, known)


@exercise.chaff(caught_by=padding_takes_no_place)
def padding_takes_places(
    indices: torch.Tensor,
    weights: torch.Tensor,
    num_experts: int,
    capacity_factor: float,
    policy: str = "position",
    token_mask: Mask = None,
) -> Kept:
    """Takes padding out only in the end, when it has filled places that real tokens need."""
    kept = apply_capacity(indices, weights, num_experts, capacity_factor, policy)
    if token_mask is None or not token_mask.any():
        return apply_capacity(indices, weights, num_experts, capacity_factor, policy, token_mask)
    real = token_mask.bool()
    return kept[0] & real.unsqueeze(1), float((~kept[0][real]).float().mean())


@exercise.chaff(caught_by=padding_takes_no_place)
def keeps_padding(
    indices: torch.Tensor,
    weights: torch.Tensor,
    num_experts: int,
    capacity_factor: float,
    policy: str = "position",
    token_mask: Mask = None,
) -> Kept:
    """Keeps padding, because nothing drops it. Its `keep` is False."""
    kept = apply_capacity(indices, weights, num_experts, capacity_factor, policy, token_mask)
    return (kept[0] | ~token_mask.bool().unsqueeze(1), kept[1]) if token_mask is not None else kept


@exercise.chaff(caught_by=padding_takes_no_place)
def padding_is_dropped(
    indices: torch.Tensor,
    weights: torch.Tensor,
    num_experts: int,
    capacity_factor: float,
    policy: str = "position",
    token_mask: Mask = None,
) -> Kept:
    """Counts the slots of padding as dropped; only slots of real tokens are."""
    kept = apply_capacity(indices, weights, num_experts, capacity_factor, policy, token_mask)
    return kept[0], float((~kept[0]).float().mean()) if len(indices) else 0.0


@exercise.chaff(caught_by=padding_takes_no_place)
def capacity_of_all_tokens(
    indices: torch.Tensor,
    weights: torch.Tensor,
    num_experts: int,
    capacity_factor: float,
    policy: str = "position",
    token_mask: Mask = None,
) -> Kept:
    """Computes C for all tokens, padding included."""
    if token_mask is not None and token_mask.any() and 0 < capacity_factor < math.inf:
        capacity = math.ceil(indices.numel() * capacity_factor / num_experts)
        real = int(token_mask.bool().sum()) * indices.shape[1]
        capacity_factor = (capacity - 0.5) * num_experts / real
    return apply_capacity(indices, weights, num_experts, capacity_factor, policy, token_mask)


@exercise.chaff(caught_by=padding_takes_no_place)
def counts_in_the_masks_dtype(
    indices: torch.Tensor,
    weights: torch.Tensor,
    num_experts: int,
    capacity_factor: float,
    policy: str = "position",
    token_mask: Mask = None,
) -> Kept:
    """Adds the mask up in its own dtype: bfloat16 holds whole numbers to 256 only."""
    if token_mask is not None and token_mask.any() and 0 < capacity_factor < math.inf:
        slots = float(token_mask.sum()) * indices.shape[1]
        capacity = math.ceil(slots * capacity_factor / num_experts)
        real = int(token_mask.bool().sum()) * indices.shape[1]
        capacity_factor = (capacity - 0.5) * num_experts / real
    return apply_capacity(indices, weights, num_experts, capacity_factor, policy, token_mask)
