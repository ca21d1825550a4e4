"""Routing in practice, in plain torch: one idea per line, helpers where two exercises share one."""

import math

import torch
import torch.nn.functional as F


def kept_rows(values, token_mask):
    """The rows of real tokens."""
    if token_mask is None:
        return values
    return values[token_mask.to(values.device).bool()]


def route(
    logits,
    top_k,
    scoring="softmax",
    norm_topk=False,
    bias=None,
    n_group=1,
    topk_group=1,
    scale=1.0,
    group_best=2,
):
    num_experts = logits.shape[-1]
    if scoring not in ("softmax", "sigmoid", "sqrtsoftplus"):
        raise ValueError(f"unknown scoring {scoring!r}")
    if n_group < 1 or num_experts % n_group:
        raise ValueError("n_group must divide the number of experts")
    per_group = num_experts // n_group
    if n_group > 1 and per_group < 2:
        raise ValueError("a group needs two experts")
    if not 1 <= topk_group <= n_group:
        raise ValueError("topk_group must be 1..n_group")
    if not 1 <= top_k <= per_group * topk_group:
        raise ValueError("top_k is out of range")
    if n_group > 1 and not 1 <= group_best <= per_group:
        raise ValueError("group_best is out of range")

    logits = logits.float()
    scores = logits.softmax(dim=-1) if scoring == "softmax" else logits.sigmoid()
    if scoring == "sqrtsoftplus":
        scores = F.softplus(logits).sqrt()
    choice = scores if bias is None else scores + bias.float()
    if n_group > 1:
        grouped = choice.view(-1, n_group, per_group)
        group_scores = grouped.topk(group_best, dim=-1).values.sum(dim=-1)
        best = group_scores.topk(topk_group, dim=-1).indices
        eligible = torch.zeros_like(group_scores, dtype=torch.bool).scatter(1, best, True)
        choice = grouped.masked_fill(~eligible[..., None], -math.inf).flatten(1)
    indices = choice.topk(top_k, dim=-1).indices
    weights = scores.gather(1, indices)
    if norm_topk:
        weights = weights / (weights.sum(dim=-1, keepdim=True) + 1e-20)
    return indices, weights * scale


def load_metrics(indices, num_experts, token_mask=None):
    if num_experts < 2:
        raise ValueError("at least two experts")
    chosen = kept_rows(indices, token_mask).flatten()
    if indices.numel() and (indices.min() < 0 or indices.max() >= num_experts):
        raise ValueError("an index is out of range")
    counts = torch.bincount(chosen, minlength=num_experts)
    dead = torch.nonzero(counts == 0).flatten().tolist()
    if not chosen.numel():
        return {
            "counts": counts,
            "max_violation": 0.0,
            "cv_squared": 0.0,
            "entropy": 1.0,
            "gini": 0.0,
            "dead_experts": dead,
        }
    load = counts.double()
    mean = load.mean()
    share = load / load.sum()
    ranks = torch.arange(1, num_experts + 1, dtype=torch.float64)
    ordered = load.sort().values
    gini = ((2 * ranks - num_experts - 1) * ordered).sum() / (num_experts * ordered.sum())
    return {
        "counts": counts,
        "max_violation": float(load.max() / mean - 1),
        "cv_squared": float(load.var(correction=0) / mean**2),
        "entropy": float(torch.special.entr(share).sum() / math.log(num_experts)),
        "gini": float(gini),
        "dead_experts": dead,
    }


def router_z_loss(logits, token_mask=None):
    logits = kept_rows(logits, token_mask).float()
    if not len(logits):
        return torch.tensor(0.0)
    return logits.logsumexp(dim=-1).square().mean()


def apply_capacity(
    indices, weights, num_experts, capacity_factor, policy="position", token_mask=None
):
    if token_mask is not None:
        real = token_mask.bool()
        keep = torch.zeros_like(indices, dtype=torch.bool)
        keep[real], dropped = apply_capacity(
            indices[real], weights[real], num_experts, capacity_factor, policy
        )
        return keep, dropped
    if policy not in ("position", "weight", "choice"):
        raise ValueError(f"unknown policy {policy!r}")
    if not capacity_factor > 0:
        raise ValueError("the capacity factor must be positive")
    tokens, k = indices.shape
    if not tokens:
        return torch.ones_like(indices, dtype=torch.bool), 0.0
    flat = indices.flatten()
    if math.isinf(capacity_factor):
        capacity = flat.numel()
    else:
        capacity = math.ceil(tokens * k * capacity_factor / num_experts)
    if policy == "weight":
        order = weights.flatten().argsort(descending=True, stable=True)
    elif policy == "choice":
        order = torch.arange(tokens * k).view(tokens, k).T.flatten()
    else:
        order = torch.arange(flat.numel())
    chosen = F.one_hot(flat[order], num_experts)
    place = (chosen.cumsum(dim=0) * chosen).sum(dim=1)
    keep = torch.zeros_like(flat, dtype=torch.bool)
    keep[order] = place <= capacity
    dropped = int((~keep).sum()) / keep.numel()
    return keep.view(tokens, k), dropped


def update_expert_bias(bias, counts, rate=0.001):
    load = counts.double()
    return bias.float() + rate * torch.sign(load.mean() - load).float()


def coactivation(indices, num_experts, token_mask=None):
    indices = kept_rows(indices, token_mask)
    used = F.one_hot(indices, num_experts).sum(dim=1).clamp(max=1).float()
    together = used.T @ used
    shares = together / together.diagonal().clamp(min=1)[:, None]
    return shares.fill_diagonal_(0)


def router_saturation(indices_a, indices_b, token_mask=None):
    if indices_a.shape != indices_b.shape or not len(indices_a):
        raise ValueError("two routings of the same tokens, at least one")
    if token_mask is not None:
        if not token_mask.any():
            raise ValueError("no real token")
        indices_a, indices_b = kept_rows(indices_a, token_mask), kept_rows(indices_b, token_mask)
    same = (indices_a[:, :, None] == indices_b[:, None, :]).any(dim=2)
    return same.float().mean()
