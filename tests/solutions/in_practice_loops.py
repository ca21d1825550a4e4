"""Routing in practice for someone who thinks in Python lists, sets and numpy, token by token."""

from collections import Counter
from math import ceil, inf, isnan, log

import numpy as np
import torch


def _mask(token_mask, tokens):
    return [True] * tokens if token_mask is None else [bool(m) for m in token_mask.tolist()]


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
    if scoring == "softmax":
        score = lambda row: np.exp(row - row.max()) / np.exp(row - row.max()).sum()  # noqa: E731
    elif scoring == "sigmoid":
        score = lambda row: 1 / (1 + np.exp(-row))  # noqa: E731
    elif scoring == "sqrtsoftplus":
        score = lambda row: np.logaddexp(row, 0) ** 0.5  # noqa: E731
    else:
        raise ValueError("scoring is softmax or sigmoid")
    tokens, experts = logits.shape
    if n_group < 1 or experts % n_group != 0 or (n_group > 1 and experts // n_group < 2):
        raise ValueError("these groups cannot be made")
    size = experts // n_group
    if topk_group < 1 or topk_group > n_group:
        raise ValueError("topk_group")
    if top_k < 1 or top_k > size * topk_group:
        raise ValueError("top_k")
    if n_group > 1 and (group_best < 1 or group_best > size):
        raise ValueError("group_best")
    offset = np.zeros(experts) if bias is None else bias.detach().double().numpy()
    chosen, weights = [], []
    for row in logits.detach().double().numpy():
        scores = score(row)
        biased = scores + offset
        groups = [list(range(g * size, (g + 1) * size)) for g in range(n_group)]
        if n_group > 1:
            groups.sort(key=lambda members: -sum(sorted(biased[members])[-group_best:]))
            groups = groups[:topk_group]
        candidates = sorted((e for members in groups for e in members), key=lambda e: -biased[e])
        best = candidates[:top_k]
        slip = [scores[e] for e in best]
        if norm_topk:
            slip = [w / (sum(slip) + 1e-20) for w in slip]
        chosen.append(best)
        weights.append([w * scale for w in slip])
    return (
        torch.tensor(chosen, dtype=torch.int64).reshape(tokens, top_k),
        torch.tensor(weights, dtype=torch.float32).reshape(tokens, top_k),
    )


def load_metrics(indices, num_experts, token_mask=None):
    if num_experts < 2:
        raise ValueError("E must be at least 2")
    rows = indices.tolist()
    if any(not 0 <= e < num_experts for row in rows for e in row):
        raise ValueError("no such expert")
    real = _mask(token_mask, len(rows))
    seen = Counter(e for row, keep in zip(rows, real, strict=True) if keep for e in row)
    counts = [seen[e] for e in range(num_experts)]
    total = sum(counts)
    result = {
        "counts": torch.tensor(counts),
        "dead_experts": [e for e in range(num_experts) if not counts[e]],
    }
    if total == 0:
        return result | {"max_violation": 0, "cv_squared": 0, "entropy": 1, "gini": 0}
    mean = total / num_experts
    result["max_violation"] = np.float64(max(counts) / mean - 1)
    result["cv_squared"] = np.var(counts) / mean**2
    result["entropy"] = torch.tensor(
        -sum(c / total * log(c / total) for c in counts if c) / log(num_experts)
    )
    gaps = sum(abs(a - b) for a in counts for b in counts)
    result["gini"] = gaps / (2 * num_experts * total)
    return result


def router_z_loss(logits, token_mask=None):
    real = _mask(token_mask, len(logits))
    rows = [row.float() for row, keep in zip(logits, real, strict=True) if keep]
    if not rows:
        return torch.zeros(())
    total = torch.zeros(())
    for row in rows:
        top = row.max().detach()
        total = total + (top + (row - top).exp().sum().log()) ** 2
    return total / len(rows)


def apply_capacity(
    indices, weights, num_experts, capacity_factor, policy="position", token_mask=None
):
    known = {"position", "weight", "choice"}
    if policy not in known or isnan(capacity_factor) or capacity_factor <= 0:
        raise ValueError("policy or capacity factor")
    tokens, k = indices.shape
    real = _mask(token_mask, tokens)
    slots = [(t, s) for t in range(tokens) for s in range(k) if real[t]]
    if policy == "weight":
        value = weights.tolist()
        slots.sort(key=lambda slot: -value[slot[0]][slot[1]])
    if policy == "choice":
        slots.sort(key=lambda slot: slot[1])
    room = inf if capacity_factor == inf else ceil(len(slots) * capacity_factor / num_experts)
    keep = np.zeros((tokens, k), dtype=bool)
    taken = Counter()
    for t, s in slots:
        expert = int(indices[t, s])
        if taken[expert] < room:
            taken[expert] += 1
            keep[t, s] = True
    dropped = 1 - keep.sum() / len(slots) if slots else 0
    return torch.from_numpy(keep), dropped


def update_expert_bias(bias, counts, rate=0.001):
    loads = counts.tolist()
    mean = sum(loads) / len(loads)
    steps = [rate * ((c < mean) - (c > mean)) for c in loads]
    return bias.float() + torch.tensor(steps, dtype=torch.float32)


def coactivation(indices, num_experts, token_mask=None):
    real = _mask(token_mask, len(indices))
    sets = [set(row) for row, keep in zip(indices.tolist(), real, strict=True) if keep]
    table = np.zeros((num_experts, num_experts), dtype=np.float32)
    for i in range(num_experts):
        users = [experts for experts in sets if i in experts]
        for j in range(num_experts):
            if i != j and users:
                table[i, j] = sum(j in experts for experts in users) / len(users)
    return torch.tensor(table)


def router_saturation(indices_a, indices_b, token_mask=None):
    if tuple(indices_a.shape) != tuple(indices_b.shape) or indices_a.shape[0] == 0:
        raise ValueError("shapes differ, or there is no token")
    real = _mask(token_mask, len(indices_a))
    if not any(real):
        raise ValueError("no real token")
    rows = zip(indices_a.tolist(), indices_b.tolist(), real, strict=True)
    return float(np.mean([len(set(a) & set(b)) / len(a) for a, b, keep in rows if keep]))
