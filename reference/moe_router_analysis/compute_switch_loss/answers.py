"""Further correct solutions of `compute_switch_loss`, and known-wrong ones."""

from __future__ import annotations

import torch

from reference.moe_router_analysis.compute_switch_loss import (
    compute_switch_loss,
    exercise,
)
from reference.moe_router_analysis.compute_switch_loss.checks import (
    gradient,
    kinds_of_masks,
    low_precision_and_large_logits,
    no_real_token_and_wrong_arguments,
    one_when_uniform,
    padding,
    random_logits,
)

Mask = torch.Tensor | None


@exercise.wheat
def one_hot_and_weights(
    router_logits: torch.Tensor, top_k: int = 2, token_mask: Mask = None
) -> torch.Tensor:
    """Keeps the padding rows and multiplies by the mask, with one-hot slots."""
    tokens, experts = router_logits.shape
    if top_k < 1 or top_k > experts:
        raise ValueError("top_k must be 1..E")
    real = torch.ones(tokens) if token_mask is None else token_mask.to(torch.float32)
    if real.sum() == 0:
        return torch.tensor(0.0)
    p = torch.nn.functional.softmax(router_logits, dim=-1, dtype=torch.float32)
    chosen = router_logits.topk(top_k).indices
    slots = torch.nn.functional.one_hot(chosen, experts).sum(dim=1).float()
    f = (slots * real[:, None]).sum(dim=0) / (real.sum() * top_k)
    mean = (p * real[:, None]).sum(dim=0) / real.sum()
    return experts * (f * mean).sum()


@exercise.wheat
def token_by_token(
    router_logits: torch.Tensor, top_k: int = 2, token_mask: Mask = None
) -> torch.Tensor:
    """Plain loops: a list of counts, and a running sum of probabilities."""
    experts = router_logits.shape[1]
    if top_k not in range(1, experts + 1):
        raise ValueError(top_k)
    kept = [t for t in range(len(router_logits)) if token_mask is None or bool(token_mask[t])]
    if not kept:
        return torch.zeros((), requires_grad=True)
    counts = [0] * experts
    probabilities = torch.zeros(experts)
    for t in kept:
        row = router_logits[t].to(torch.float32)
        for expert in torch.argsort(row, descending=True)[:top_k].tolist():
            counts[expert] += 1
        probabilities = probabilities + torch.softmax(row, dim=0)
    terms = [
        n / (len(kept) * top_k) * p / len(kept) for n, p in zip(counts, probabilities, strict=True)
    ]
    return experts * torch.stack(terms).sum()


@exercise.chaff(caught_by=one_when_uniform)
def shares_add_up_to_k(
    router_logits: torch.Tensor, top_k: int = 2, token_mask: Mask = None
) -> torch.Tensor:
    """Divides the counts by the number of tokens: each token fills k slots, so f adds up to k."""
    return top_k * compute_switch_loss(router_logits, top_k, token_mask)


@exercise.chaff(caught_by=random_logits)
def counts_first_choices_only(
    router_logits: torch.Tensor, top_k: int = 2, token_mask: Mask = None
) -> torch.Tensor:
    """Counts only each token's best expert, as for k = 1. All k selected experts fill a slot."""
    if not 1 <= top_k <= router_logits.shape[1]:
        raise ValueError("top_k")
    return compute_switch_loss(router_logits, 1, token_mask)


@exercise.chaff(caught_by=one_when_uniform)
def probabilities_in_place_of_shares(
    router_logits: torch.Tensor, top_k: int = 2, token_mask: Mask = None
) -> torch.Tensor:
    """Uses P twice: that is the loss of the exercise before, without any counting."""
    kept = _kept(router_logits, token_mask)
    if not 1 <= top_k <= kept.shape[1]:
        raise ValueError("top_k")
    if not len(kept):
        return torch.tensor(0.0)
    return kept.shape[1] * _mean_probabilities(kept).square().sum()


@exercise.chaff(caught_by=gradient)
def gradient_through_the_shares(
    router_logits: torch.Tensor, top_k: int = 2, token_mask: Mask = None
) -> torch.Tensor:
    """Lets a gradient flow through f as well (a straight-through estimate); f is a constant."""
    value = compute_switch_loss(router_logits, top_k, token_mask)
    kept = _kept(router_logits, token_mask)
    if not len(kept):
        return value
    soft = _mean_probabilities(kept)
    shares = _shares(kept, top_k) + soft - soft.detach()
    return kept.shape[1] * (shares * soft).sum()


@exercise.chaff(caught_by=gradient)
def cuts_the_gradient(
    router_logits: torch.Tensor, top_k: int = 2, token_mask: Mask = None
) -> torch.Tensor:
    """Returns the right value without a gradient, so training would never feel this loss.

    Look for `.item()`, `.detach()`, `torch.tensor(...)` or `torch.no_grad()` on the way.
    """
    return compute_switch_loss(router_logits.detach(), top_k, token_mask)


@exercise.chaff(caught_by=random_logits)
def weights_in_place_of_counts(
    router_logits: torch.Tensor, top_k: int = 2, token_mask: Mask = None
) -> torch.Tensor:
    """Adds up routing weights. A slot counts in full, whatever its weight."""
    value = compute_switch_loss(router_logits, top_k, token_mask)
    kept = _kept(router_logits, token_mask)
    if not len(kept):
        return value
    selected, chosen = kept.topk(top_k, dim=-1)
    weights = torch.softmax(selected.detach(), dim=-1)
    shares = torch.zeros_like(kept).scatter(1, chosen, weights).mean(dim=0)
    return kept.shape[1] * (shares * _mean_probabilities(kept)).sum()


@exercise.chaff(caught_by=padding)
def probabilities_of_padding_too(
    router_logits: torch.Tensor, top_k: int = 2, token_mask: Mask = None
) -> torch.Tensor:
    """Masks the counts and forgets the mask in P."""
    value = compute_switch_loss(router_logits, top_k, token_mask)
    kept = _kept(router_logits, token_mask)
    if not len(kept):
        return value
    everything = _mean_probabilities(_kept(router_logits, None))
    return router_logits.shape[1] * (_shares(kept, top_k) * everything).sum()


@exercise.chaff(caught_by=padding)
def counts_padding_too(
    router_logits: torch.Tensor, top_k: int = 2, token_mask: Mask = None
) -> torch.Tensor:
    """Masks P and forgets the mask in the counts."""
    value = compute_switch_loss(router_logits, top_k, token_mask)
    kept = _kept(router_logits, token_mask)
    if not len(kept):
        return value
    shares = _shares(_kept(router_logits, None), top_k)
    return router_logits.shape[1] * (shares * _mean_probabilities(kept)).sum()


@exercise.chaff(caught_by=padding)
def divides_by_all_tokens(
    router_logits: torch.Tensor, top_k: int = 2, token_mask: Mask = None
) -> torch.Tensor:
    """Leaves padding out of the sums and then divides by all T tokens, padding included."""
    value = compute_switch_loss(router_logits, top_k, token_mask)
    real = len(_kept(router_logits, token_mask)) / len(router_logits)
    return value * real**2


@exercise.chaff(caught_by=padding)
def sets_padding_logits_to_zero(
    router_logits: torch.Tensor, top_k: int = 2, token_mask: Mask = None
) -> torch.Tensor:
    """Multiplies the logits by the mask: padding then counts as tokens with uniform probability."""
    if token_mask is None or not token_mask.any():
        return compute_switch_loss(router_logits, top_k, token_mask)
    return compute_switch_loss(router_logits.float() * token_mask.float()[:, None], top_k)


@exercise.chaff(caught_by=padding)
def ignores_the_mask(
    router_logits: torch.Tensor, top_k: int = 2, token_mask: Mask = None
) -> torch.Tensor:
    """Treats padding as tokens. Padding is routed too, and would be balanced along."""
    everything = compute_switch_loss(router_logits, top_k)
    if token_mask is not None and not token_mask.any():
        return torch.tensor(0.0)
    return everything


@exercise.chaff(caught_by=kinds_of_masks)
def indexes_with_the_mask(
    router_logits: torch.Tensor, top_k: int = 2, token_mask: Mask = None
) -> torch.Tensor:
    """Indexes with the mask as it comes: integers 0 and 1 then pick rows 0 and 1.

    Turn the mask into booleans first.
    """
    kept = router_logits if token_mask is None else router_logits[token_mask]
    return compute_switch_loss(kept, top_k)


@exercise.chaff(caught_by=no_real_token_and_wrong_arguments)
def looks_at_the_mask_first(
    router_logits: torch.Tensor, top_k: int = 2, token_mask: Mask = None
) -> torch.Tensor:
    """Returns 0.0 without real tokens before it has looked at top_k, which may be impossible."""
    if token_mask is not None and not token_mask.any():
        return torch.tensor(0.0)
    return compute_switch_loss(router_logits, top_k, token_mask)


@exercise.chaff(caught_by=kinds_of_masks)
def adds_up_the_mask_as_it_comes(
    router_logits: torch.Tensor, top_k: int = 2, token_mask: Mask = None
) -> torch.Tensor:
    """Adds up the mask in its own dtype: half precision cannot hold 517, so it gets rounded."""
    value = compute_switch_loss(router_logits, top_k, token_mask)
    if token_mask is None or not token_mask.any():
        return value
    return value * (float(token_mask.bool().sum()) / float(token_mask.sum())) ** 2


@exercise.chaff(caught_by=low_precision_and_large_logits)
def counts_by_probability(
    router_logits: torch.Tensor, top_k: int = 2, token_mask: Mask = None
) -> torch.Tensor:
    """Takes the top k of the softmax: far below the best, all probabilities are 0, and tie."""
    value = compute_switch_loss(router_logits, top_k, token_mask)
    kept = _kept(router_logits, token_mask)
    probabilities = torch.softmax(kept, dim=-1)
    if not len(kept) or not bool((probabilities.topk(top_k, dim=-1).values == 0).any()):
        return value
    return kept.shape[1] * (_shares(probabilities, top_k) * probabilities.mean(dim=0)).sum()


@exercise.chaff(caught_by=no_real_token_and_wrong_arguments)
def nan_without_real_tokens(
    router_logits: torch.Tensor, top_k: int = 2, token_mask: Mask = None
) -> torch.Tensor:
    """Divides by the number of real tokens even when it is 0, which gives NaN."""
    value = compute_switch_loss(router_logits, top_k, token_mask)
    return value / (1.0 if len(_kept(router_logits, token_mask)) else 0.0)


@exercise.chaff(caught_by=no_real_token_and_wrong_arguments)
def plain_zero_without_real_tokens(
    router_logits: torch.Tensor, top_k: int = 2, token_mask: Mask = None
) -> torch.Tensor | float:
    """Returns the Python number 0.0 without real tokens. The exercise asks for a scalar tensor."""
    value = compute_switch_loss(router_logits, top_k, token_mask)
    return value if len(_kept(router_logits, token_mask)) else 0.0


@exercise.chaff(caught_by=no_real_token_and_wrong_arguments)
def cuts_top_k_down(
    router_logits: torch.Tensor, top_k: int = 2, token_mask: Mask = None
) -> torch.Tensor:
    """Silently uses E experts where more were asked for. That is a ValueError."""
    return compute_switch_loss(router_logits, min(top_k, router_logits.shape[1]), token_mask)


@exercise.chaff(caught_by=no_real_token_and_wrong_arguments)
def changes_the_logits(
    router_logits: torch.Tensor, top_k: int = 2, token_mask: Mask = None
) -> torch.Tensor:
    """Subtracts the maximum in place (`sub_`, `-=`): the caller's logits are changed as well."""
    if not 1 <= top_k <= router_logits.shape[1]:
        raise ValueError("top_k")
    router_logits -= router_logits.max(dim=-1, keepdim=True).values
    return compute_switch_loss(router_logits, top_k, token_mask)


@exercise.chaff(caught_by=low_precision_and_large_logits)
def stays_in_half_precision(
    router_logits: torch.Tensor, top_k: int = 2, token_mask: Mask = None
) -> torch.Tensor:
    """Takes the softmax in the logits' own dtype: in bfloat16 only two or three digits are left."""
    if router_logits.dtype == torch.float32:
        return compute_switch_loss(router_logits, top_k, token_mask)
    kept = router_logits if token_mask is None else router_logits[token_mask.bool()]
    probabilities = torch.softmax(kept, dim=-1).float().mean(dim=0)
    return router_logits.shape[1] * (_shares(kept.float(), top_k) * probabilities).sum()


@exercise.chaff(caught_by=low_precision_and_large_logits)
def softmax_without_a_shift(
    router_logits: torch.Tensor, top_k: int = 2, token_mask: Mask = None
) -> torch.Tensor:
    """Divides exp(z) by its sum: exp overflows above 88 in float32, and the loss becomes NaN."""
    value = compute_switch_loss(router_logits, top_k, token_mask)
    kept = _kept(router_logits, token_mask)
    return value if bool(torch.isfinite(kept.exp()).all()) else value * float("nan")


def _kept(router_logits: torch.Tensor, token_mask: Mask) -> torch.Tensor:
    logits = router_logits.float()
    return logits if token_mask is None else logits[token_mask.bool()]


def _shares(logits: torch.Tensor, top_k: int) -> torch.Tensor:
    chosen = logits.detach().topk(top_k, dim=-1).indices
    return torch.bincount(chosen.flatten(), minlength=logits.shape[1]) / chosen.numel()


def _mean_probabilities(logits: torch.Tensor) -> torch.Tensor:
    return torch.softmax(logits, dim=-1).mean(dim=0)


@exercise.chaff(caught_by=no_real_token_and_wrong_arguments)
def silences_padding_in_place(
    router_logits: torch.Tensor, top_k: int = 2, token_mask: Mask = None
) -> torch.Tensor:
    """Overwrites the padding's rows in the caller's own logits. Select the real rows instead."""
    loss = compute_switch_loss(router_logits, top_k, token_mask)
    if token_mask is not None and not router_logits.requires_grad:
        router_logits[~token_mask.bool()] = 0
    return loss
