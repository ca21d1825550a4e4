"""Further correct solutions of `route`."""

from __future__ import annotations

import numpy as np
import torch

from reference.moe_routing_in_practice.route._usual import (
    Routed,
)
from reference.moe_routing_in_practice.route.solution import exercise


@exercise.wheat
def in_numpy(
    logits: torch.Tensor,
    top_k: int,
    scoring: str = "softmax",
    norm_topk: bool = False,
    bias: torch.Tensor | None = None,
    n_group: int = 1,
    topk_group: int = 1,
    scale: float = 1.0,
) -> Routed:
    """Token by token in NumPy, with sorted lists of groups and experts."""
    num_experts = logits.size(1)
    if scoring not in ("softmax", "sigmoid"):
        raise ValueError(scoring)
    if n_group < 1 or num_experts % n_group != 0 or (n_group > 1 and num_experts < 2 * n_group):
        raise ValueError("n_group")
    if topk_group < 1 or topk_group > n_group:
        raise ValueError("topk_group")
    size = num_experts // n_group
    if top_k < 1 or top_k > size * topk_group:
        raise ValueError("top_k")
    offset = np.zeros(num_experts) if bias is None else bias.double().numpy()
    chosen, weighed = [], []
    for z in logits.double().numpy():
        if scoring == "softmax":
            e = np.exp(z - z.max())
            s = e / e.sum()
        else:
            s = np.exp(-np.logaddexp(0.0, -z))
        b = s + offset
        members = [range(g * size, (g + 1) * size) for g in range(n_group)]
        members.sort(key=lambda group, b=b: -sum(sorted(b[e] for e in group)[-2:]))  # type: ignore[misc]
        open_experts = [e for group in members[:topk_group] for e in group]
        open_experts.sort(key=lambda e, b=b: b[e], reverse=True)  # type: ignore[misc]
        w = s[open_experts[:top_k]]
        chosen.append(open_experts[:top_k])
        weighed.append((w / (w.sum() + 1e-20) if norm_topk else w) * scale)
    return torch.tensor(chosen), torch.tensor(np.array(weighed), dtype=torch.float32)


@exercise.wheat
def with_a_mask_of_groups(
    logits: torch.Tensor,
    top_k: int,
    scoring: str = "softmax",
    norm_topk: bool = False,
    bias: torch.Tensor | None = None,
    n_group: int = 1,
    topk_group: int = 1,
    scale: float = 1.0,
) -> Routed:
    """As in transformers: view as groups, scatter a mask, repeat it over experts, sort."""
    tokens, experts = logits.shape
    functions = {"softmax": lambda z: z.softmax(-1), "sigmoid": torch.sigmoid}
    possible = (
        scoring in functions
        and n_group >= 1
        and experts % n_group == 0
        and (n_group == 1 or experts // n_group >= 2)
        and 1 <= topk_group <= n_group
        and 1 <= top_k <= experts * topk_group // n_group
    )
    if not possible:
        raise ValueError("these settings do not fit together")
    scores = functions[scoring](logits.to(torch.float32))
    choice = scores.clone()
    if bias is not None:
        choice = choice + bias
    if n_group != 1:
        grouped = choice.view(tokens, n_group, experts // n_group)
        ordered = grouped.sort(dim=-1, descending=True).values
        order = (ordered[..., 0] + ordered[..., 1]).argsort(dim=-1, descending=True)
        mask = torch.zeros(tokens, n_group)
        mask.scatter_(1, order[:, :topk_group], 1.0)
        mask = mask.repeat_interleave(experts // n_group, dim=1)
        choice = torch.where(mask.bool(), choice, -torch.inf)
    indices = choice.argsort(dim=-1, descending=True)[:, :top_k]
    weights = torch.take_along_dim(scores, indices, dim=1)
    if norm_topk:
        weights /= weights.sum(dim=1, keepdim=True) + 1e-20
    return indices, weights.mul(scale)
