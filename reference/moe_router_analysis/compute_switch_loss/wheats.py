"""Further correct solutions of `compute_switch_loss`."""

from __future__ import annotations

import torch

from reference.moe_router_analysis.compute_switch_loss.solution import (
    exercise,
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
