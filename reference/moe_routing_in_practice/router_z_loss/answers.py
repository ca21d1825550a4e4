"""Further correct solutions of `router_z_loss`, and known-wrong ones."""

from __future__ import annotations

import torch

from reference.moe_routing_in_practice.router_z_loss import exercise, router_z_loss
from reference.moe_routing_in_practice.router_z_loss.checks import (
    by_hand,
    kinds_of_masks,
    low_precision_and_large_logits,
    no_real_token,
    padding_and_gradient,
    random_logits,
)

Mask = torch.Tensor | None


@exercise.wheat
def shifted_by_hand(logits: torch.Tensor, token_mask: Mask = None) -> torch.Tensor:
    """The shift written out in double precision, and a weighted mean."""
    z = logits.to(torch.float64)
    top = z.max(dim=1, keepdim=True).values.detach()
    log_z = (z - top).exp().sum(dim=1).log() + top[:, 0]
    weight = torch.ones(len(z)) if token_mask is None else token_mask.float()
    total = weight.sum().clamp(min=1.0)
    return ((log_z**2 * weight).sum() / total).to(torch.float32)


@exercise.wheat
def token_by_token(logits: torch.Tensor, token_mask: Mask = None) -> torch.Tensor:
    """A loop over real tokens, with the normaliser from log_softmax."""
    squares = []
    for t, row in enumerate(logits):
        if token_mask is None or token_mask[t]:
            row = row.to(torch.float32)
            squares.append((row[0] - torch.log_softmax(row, dim=0)[0]).pow(2))
    return sum(squares, torch.tensor(0.0)) / max(1, len(squares))


@exercise.chaff(caught_by=by_hand)
def not_squared(logits: torch.Tensor, token_mask: Mask = None) -> torch.Tensor:
    """Takes the mean of the normalisers without the square: that would push logits to -∞."""
    values = _kept(logits, token_mask)
    return torch.logsumexp(values, dim=-1).sum() / max(1, len(values))


@exercise.chaff(caught_by=random_logits)
def squares_the_mean(logits: torch.Tensor, token_mask: Mask = None) -> torch.Tensor:
    """Squares after the mean: tokens with normalisers of opposite sign would cancel."""
    values = _kept(logits, token_mask)
    return (torch.logsumexp(values, dim=-1).sum() / max(1, len(values))).square()


@exercise.chaff(caught_by=by_hand)
def adds_up_tokens(logits: torch.Tensor, token_mask: Mask = None) -> torch.Tensor:
    """Sums over the tokens: the loss then depends on the size of the batch. Take the mean."""
    return router_z_loss(logits, token_mask) * len(_kept(logits, token_mask))


@exercise.chaff(caught_by=padding_and_gradient)
def cuts_the_gradient(logits: torch.Tensor, token_mask: Mask = None) -> torch.Tensor:
    """Returns the right value without a gradient, so training would never feel this loss.

    Look for `.item()`, `.detach()`, `torch.tensor(...)` or `torch.no_grad()` on the way.
    """
    return router_z_loss(logits.detach(), token_mask)


@exercise.chaff(caught_by=padding_and_gradient)
def ignores_the_mask(logits: torch.Tensor, token_mask: Mask = None) -> torch.Tensor:
    """Treats padding as tokens. Leave out the tokens whose mask is 0 or false."""
    return router_z_loss(logits)


@exercise.chaff(caught_by=padding_and_gradient)
def divides_by_all_tokens(logits: torch.Tensor, token_mask: Mask = None) -> torch.Tensor:
    """Leaves padding out of the sum and then divides by all T tokens, padding included."""
    kept = len(_kept(logits, token_mask))
    return router_z_loss(logits, token_mask) * kept / max(len(logits), 1)


@exercise.chaff(caught_by=padding_and_gradient)
def sets_padding_logits_to_zero(logits: torch.Tensor, token_mask: Mask = None) -> torch.Tensor:
    """Multiplies the logits by the mask: a row of zeros still has the normaliser ln E."""
    if token_mask is None:
        return router_z_loss(logits)
    return router_z_loss(logits.float() * token_mask.float().unsqueeze(-1))


@exercise.chaff(caught_by=kinds_of_masks)
def indexes_with_the_mask(logits: torch.Tensor, token_mask: Mask = None) -> torch.Tensor:
    """Indexes with the mask as it comes: integers 0 and 1 then pick rows 0 and 1."""
    return router_z_loss(logits if token_mask is None else logits[token_mask])


@exercise.chaff(caught_by=low_precision_and_large_logits)
def overflows(logits: torch.Tensor, token_mask: Mask = None) -> torch.Tensor:
    """Takes the logarithm of the sum of exponentials, which is infinite for large logits.

    `torch.logsumexp` subtracts each token's largest logit first.
    """
    values = _kept(logits, token_mask)
    return values.exp().sum(dim=-1).log().square().sum() / max(1, len(values))


@exercise.chaff(caught_by=low_precision_and_large_logits)
def stays_in_half_precision(logits: torch.Tensor, token_mask: Mask = None) -> torch.Tensor:
    """Computes in the logits' own dtype and converts the loss: the digits are gone by then."""
    if logits.dtype == torch.float32:
        return router_z_loss(logits, token_mask)
    return torch.logsumexp(logits, dim=-1).square().mean().float()


@exercise.chaff(caught_by=no_real_token)
def nan_without_real_tokens(logits: torch.Tensor, token_mask: Mask = None) -> torch.Tensor:
    """Takes the mean over zero tokens, which is NaN."""
    return torch.logsumexp(_kept(logits, token_mask), dim=-1).square().mean()


@exercise.chaff(caught_by=no_real_token)
def shifts_in_place(logits: torch.Tensor, token_mask: Mask = None) -> torch.Tensor:
    """Subtracts the maximum in place (`sub_`, `-=`): the caller's logits are changed as well."""
    shift = logits.detach().max(dim=-1, keepdim=True).values
    logits -= shift
    return router_z_loss(logits + shift, token_mask)


def _kept(logits: torch.Tensor, token_mask: Mask) -> torch.Tensor:
    values = logits.float()
    return values if token_mask is None else values[token_mask.bool()]


@exercise.chaff(caught_by=padding_and_gradient)
def multiplies_by_the_mask(
    logits: torch.Tensor, token_mask: torch.Tensor | None = None
) -> torch.Tensor:
    """Multiplies the squares of padding by 0. Where they overflow, infinity times 0 is NaN: select
    the real rows first."""
    squares = torch.logsumexp(logits.float(), dim=-1).square()
    mask = torch.ones(len(logits)) if token_mask is None else token_mask.float()
    return (squares * mask).sum() / mask.sum().clamp(min=1)


@exercise.chaff(caught_by=kinds_of_masks)
def adds_the_mask_up_in_its_dtype(
    logits: torch.Tensor, token_mask: torch.Tensor | None = None
) -> torch.Tensor:
    """Adds up the mask in its own dtype: bfloat16 holds whole numbers to 256 only."""
    loss = router_z_loss(logits, token_mask)
    if token_mask is None or not token_mask.any():
        return loss
    return loss * token_mask.bool().sum() / token_mask.sum().float()
