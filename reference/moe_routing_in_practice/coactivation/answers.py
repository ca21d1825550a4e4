"""Further correct solutions of `coactivation`, and known-wrong ones."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from functools import wraps

import numpy as np
import torch

from reference.moe_routing_in_practice.coactivation import coactivation, exercise
from reference.moe_routing_in_practice.coactivation.checks import (
    four_tokens,
    order_of_slots_and_tokens,
    padding,
    random_routings,
    unused_experts,
)

Mask = torch.Tensor | None


def on_real_tokens(solution: Callable[..., torch.Tensor]) -> Callable[..., torch.Tensor]:
    """A solution that knows no mask, used on the real tokens of a batch."""

    @wraps(solution)
    def with_mask(indices: torch.Tensor, num_experts: int, token_mask: Mask = None) -> torch.Tensor:
        kept = indices if token_mask is None else indices[token_mask.bool()]
        return solution(kept, num_experts)

    return with_mask


@exercise.wheat
@on_real_tokens
def pair_by_pair(indices: torch.Tensor, num_experts: int) -> torch.Tensor:
    """Counts pairs in a loop over the tokens."""
    pairs = np.zeros((num_experts, num_experts))
    alone = np.zeros(num_experts)
    for row in indices.tolist():
        for i in row:
            alone[i] += 1
        for i, j in itertools.permutations(row, 2):
            pairs[i, j] += 1
    shares = np.divide(pairs, alone[:, None], out=np.zeros_like(pairs), where=alone[:, None] > 0)
    return torch.from_numpy(shares).float()


@exercise.wheat
def from_one_hot(indices: torch.Tensor, num_experts: int, token_mask: Mask = None) -> torch.Tensor:
    """One-hot slots, an einsum, and NaN turned into 0."""
    one_hot = torch.nn.functional.one_hot(indices, num_experts).sum(dim=1).float()
    if token_mask is not None:
        one_hot = one_hot * token_mask.float()[:, None]
    counts = torch.einsum("ti,tj->ij", one_hot, one_hot)
    shares = torch.nan_to_num(counts / torch.diag(counts)[:, None])
    return shares * (1 - torch.eye(num_experts))


@exercise.chaff(caught_by=four_tokens)
@on_real_tokens
def one_on_the_diagonal(indices: torch.Tensor, num_experts: int) -> torch.Tensor:
    """Leaves the diagonal in: every used expert is used along with itself. It should be 0."""
    shares = coactivation(indices, num_experts)
    used = torch.bincount(indices.flatten(), minlength=num_experts) > 0
    return shares + torch.diag(used.float())


@exercise.chaff(caught_by=four_tokens)
@on_real_tokens
def divides_by_the_second(indices: torch.Tensor, num_experts: int) -> torch.Tensor:
    """Divides by the tokens of expert j, which gives the transposed matrix."""
    return coactivation(indices, num_experts).T.contiguous()


@exercise.chaff(caught_by=four_tokens)
@on_real_tokens
def share_of_all_tokens(indices: torch.Tensor, num_experts: int) -> torch.Tensor:
    """Divides by all tokens. The exercise asks for the share of the tokens that use expert i."""
    used = torch.bincount(indices.flatten(), minlength=num_experts).float()
    return coactivation(indices, num_experts) * used.unsqueeze(1) / len(indices)


@exercise.chaff(caught_by=random_routings)
@on_real_tokens
def share_of_the_partners(indices: torch.Tensor, num_experts: int) -> torch.Tensor:
    """Makes each row add up to 1. A token with k experts has k − 1 partners, not one."""
    shares = coactivation(indices, num_experts)
    return shares / shares.sum(dim=1, keepdim=True).clamp(min=1.0)


@exercise.chaff(caught_by=random_routings)
@on_real_tokens
def first_two_slots_only(indices: torch.Tensor, num_experts: int) -> torch.Tensor:
    """Looks at the first two slots of each token only."""
    shares = coactivation(indices[:, :2], num_experts)
    first = torch.bincount(indices[:, :2].flatten(), minlength=num_experts).float()
    every = torch.bincount(indices.flatten(), minlength=num_experts).float()
    return shares * (first / every.clamp(min=1.0)).unsqueeze(1)


@exercise.chaff(caught_by=order_of_slots_and_tokens)
@on_real_tokens
def in_the_order_of_slots(indices: torch.Tensor, num_experts: int) -> torch.Tensor:
    """Counts a pair only where expert i stands before expert j."""
    pairs = torch.zeros(num_experts, num_experts)
    for row in indices.tolist():
        for i, j in itertools.combinations(row, 2):
            pairs[i, j] += 1
    used = torch.bincount(indices.flatten(), minlength=num_experts).clamp(min=1)
    return pairs / used.unsqueeze(1)


@exercise.chaff(caught_by=unused_experts)
@on_real_tokens
def nan_for_unused_experts(indices: torch.Tensor, num_experts: int) -> torch.Tensor:
    """Divides by zero tokens in the row of an unused expert: its shares are 0."""
    shares = coactivation(indices, num_experts)
    used = torch.bincount(indices.flatten(), minlength=num_experts)
    return shares / (used > 0).float().unsqueeze(1)


@exercise.chaff(caught_by=order_of_slots_and_tokens)
@on_real_tokens
def sorts_in_place(indices: torch.Tensor, num_experts: int) -> torch.Tensor:
    """Sorts each token's experts in the caller's own tensor: sort a copy."""
    shares = coactivation(indices, num_experts)
    indices.copy_(indices.sort(dim=1).values)
    return shares


@exercise.chaff(caught_by=padding)
def counts_padding(
    indices: torch.Tensor, num_experts: int, token_mask: Mask = None
) -> torch.Tensor:
    """Ignores the mask. Padding is routed, too, but not together with anything."""
    return coactivation(indices, num_experts)


@exercise.chaff(caught_by=padding)
def indexes_with_the_mask(
    indices: torch.Tensor, num_experts: int, token_mask: Mask = None
) -> torch.Tensor:
    """Indexes with the mask as it comes: integers 0 and 1 then pick tokens 0 and 1."""
    if token_mask is None or token_mask.dtype in (torch.bool, torch.uint8):
        return coactivation(indices, num_experts, token_mask)
    return coactivation(indices[token_mask.long()], num_experts)


@exercise.chaff(caught_by=padding)
def counts_in_the_masks_dtype(
    indices: torch.Tensor, num_experts: int, token_mask: Mask = None
) -> torch.Tensor:
    """Multiplies by the mask and adds up in its dtype: bfloat16 holds whole numbers to 256 only."""
    if token_mask is None or not token_mask.is_floating_point():
        return coactivation(indices, num_experts, token_mask)
    used = torch.nn.functional.one_hot(indices, num_experts).sum(dim=1)
    used = used.to(token_mask.dtype) * token_mask[:, None]
    together = torch.stack([(used * column[:, None]).sum(dim=0) for column in used.T])
    shares = together.float() / together.diagonal().float().clamp(min=1).unsqueeze(1)
    return shares.fill_diagonal_(0.0)
