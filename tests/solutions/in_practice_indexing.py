"""Routing in practice by scatter, sort and masks: no one-hot, no loop, one class for the load."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor


def require(condition: bool, message: str) -> None:
    if not condition:
        raise ValueError(message)


@torch.no_grad()
def choose(biased: Tensor, top_k: int, n_group: int, topk_group: int, group_best: int) -> Tensor:
    if n_group > 1:
        T, E = biased.shape
        groups = biased.reshape(T, n_group, E // n_group)
        best = groups.sort(dim=-1, descending=True).values[..., :group_best].sum(-1)
        rank = best.argsort(dim=-1, descending=True).argsort(dim=-1)
        closed = (rank >= topk_group).repeat_interleave(E // n_group, dim=1)
        biased = torch.where(closed, torch.full_like(biased, -torch.inf), biased)
    return biased.sort(dim=-1, descending=True).indices[:, :top_k].contiguous()


def route(
    logits: Tensor,
    top_k: int,
    scoring: str = "softmax",
    norm_topk: bool = False,
    bias: Tensor | None = None,
    n_group: int = 1,
    topk_group: int = 1,
    scale: float = 1.0,
    group_best: int = 2,
):
    E = logits.size(1)
    functions = {
        "softmax": lambda z: torch.softmax(z, 1),
        "sigmoid": torch.sigmoid,
        "sqrtsoftplus": lambda z: torch.logaddexp(z, z.new_zeros(())).sqrt(),
    }
    require(scoring in functions, "scoring")
    require(n_group >= 1 and E % n_group == 0, "n_group")
    require(n_group == 1 or E // n_group >= 2, "n_group is too large")
    require(1 <= topk_group <= n_group, "topk_group")
    require(1 <= top_k <= E * topk_group // n_group, "top_k")
    require(n_group == 1 or 1 <= group_best <= E // n_group, "group_best")
    scores = functions[scoring](logits.to(torch.float32))
    biased = scores.detach().clone()
    if bias is not None:
        biased += bias
    indices = choose(biased, top_k, n_group, topk_group, group_best)
    weights = torch.take_along_dim(scores, indices, dim=1)
    if norm_topk:
        weights = weights / weights.sum(1, keepdim=True).add(1e-20)
    return [indices, weights.mul(scale)]


@dataclass
class Load:
    counts: Tensor

    @property
    def mean(self) -> float:
        return float(self.counts.sum()) / len(self.counts)

    def gini(self) -> float:
        x, _ = torch.sort(self.counts.to(torch.float64))
        lorenz = x.cumsum(0) / x.sum()
        n = len(x)
        return float((n + 1 - 2 * lorenz.sum()) / n)


def load_metrics(indices: Tensor, num_experts: int, token_mask: Tensor | None = None) -> dict:
    require(num_experts >= 2, "num_experts")
    inside = (indices >= 0) & (indices < num_experts)
    require(bool(inside.all()), "index")
    if token_mask is not None:
        indices = indices[torch.nonzero(token_mask).squeeze(1)]
    counts = torch.zeros(num_experts, dtype=torch.int64)
    flat = indices.reshape(-1)
    counts.scatter_add_(0, flat, torch.ones_like(flat))
    load = Load(counts)
    dead = [e for e, c in enumerate(counts.tolist()) if c == 0]
    if load.mean == 0:
        return {
            "counts": counts,
            "max_violation": 0.0,
            "cv_squared": 0.0,
            "entropy": 1.0,
            "gini": 0.0,
            "dead_experts": dead,
            "note": "nothing was routed",
        }
    q = counts.double() / counts.sum()
    return {
        "counts": counts,
        "max_violation": counts.max() / load.mean - 1,
        "cv_squared": ((counts.double() / load.mean - 1) ** 2).mean(),
        "entropy": -torch.xlogy(q, q).sum() / math.log(num_experts),
        "gini": load.gini(),
        "dead_experts": dead,
    }


def router_z_loss(logits: Tensor, token_mask: Tensor | None = None) -> Tensor:
    z = torch.logsumexp(logits.float(), dim=1).pow(2)
    if token_mask is None:
        return z.mean() if z.numel() else z.sum()
    real = token_mask.to(z.dtype)
    kept = torch.where(real > 0, logits.float().T, 0.0).T  # padding may overflow
    z = torch.logsumexp(kept, dim=1).pow(2)
    return (z * real).sum() / real.sum().clamp(min=1)


def apply_capacity(
    indices, weights, num_experts, capacity_factor, policy="position", token_mask=None
):
    require(policy in ("position", "weight", "choice"), "policy")
    require(capacity_factor > 0, "capacity_factor")
    mask = torch.ones(len(indices)) if token_mask is None else token_mask
    real = (mask > 0).unsqueeze(1).expand_as(indices).reshape(-1)
    n = int(real.sum())
    if n == 0 or capacity_factor == math.inf:
        return real.reshape(indices.shape).clone(), 0.0
    capacity = math.ceil(n * capacity_factor / num_experts)
    priority = torch.arange(indices.numel())
    if policy == "weight":
        priority = torch.sort(weights.reshape(-1), descending=True, stable=True).indices
    if policy == "choice":
        priority = torch.sort(priority % indices.size(1), stable=True).indices
    priority = priority[real[priority]]
    experts = indices.reshape(-1)[priority]
    by_expert = torch.sort(experts, stable=True)
    starts = torch.searchsorted(by_expert.values, torch.arange(num_experts))
    place = torch.arange(n) - starts[by_expert.values]
    keep = torch.zeros(indices.numel(), dtype=torch.bool)
    keep[priority[by_expert.indices]] = place < capacity
    return keep.reshape(indices.shape), 1.0 - keep.sum().item() / n


def update_expert_bias(bias: Tensor, counts: Tensor, rate: float = 1e-3) -> Tensor:
    E = counts.numel()
    return torch.add(bias.float(), torch.sign(counts.sum() - counts * E), alpha=rate)


def coactivation(indices: Tensor, num_experts: int, token_mask: Tensor | None = None) -> Tensor:
    if token_mask is not None:
        indices = indices[torch.nonzero(token_mask).squeeze(1)]
    used = torch.zeros(len(indices), num_experts)
    used.scatter_(1, indices, 1.0)
    both = torch.einsum("ti,tj->ij", used, used)
    alone = both.diag()
    share = torch.where(alone[:, None] > 0, both / alone[:, None], torch.zeros(()))
    return share * (1 - torch.eye(num_experts))


def router_saturation(indices_a: Tensor, indices_b: Tensor, token_mask: Tensor | None = None):
    require(indices_a.shape == indices_b.shape, "shape")
    if token_mask is not None:
        kept = torch.nonzero(token_mask).squeeze(1)
        indices_a, indices_b = indices_a[kept], indices_b[kept]
    require(indices_a.shape[0] > 0, "no tokens")
    T, k = indices_a.shape
    top = int(max(indices_a.max(), indices_b.max())) + 1
    hits = torch.zeros(T, top, dtype=torch.int64)
    hits.scatter_add_(1, indices_a, torch.ones_like(indices_a))
    hits.scatter_add_(1, indices_b, torch.ones_like(indices_b))
    return (hits == 2).sum() / (T * k)
