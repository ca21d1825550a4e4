"""Routing in practice by a student who writes plain Python loops over lists."""

import math

import torch


def numbers(tensor):
    return tensor.detach().to(torch.float64).tolist()


def best_of(values, count):
    """Positions of the largest values, the largest first."""
    return sorted(range(len(values)), key=lambda position: -values[position])[:count]


def scores_of(row, scoring):
    if scoring == "sigmoid":
        return [1 / (1 + math.exp(-z)) if z > -700 else 0.0 for z in row]
    if scoring == "sqrtsoftplus":
        return [math.sqrt(max(z, 0) + math.log1p(math.exp(-abs(z)))) for z in row]
    highest = max(row)
    powers = [math.exp(z - highest) for z in row]
    return [power / sum(powers) for power in powers]


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
    if scoring not in ("softmax", "sigmoid", "sqrtsoftplus"):
        raise ValueError("unknown scoring")
    E = logits.shape[1]
    if n_group < 1 or E % n_group != 0 or (n_group > 1 and E // n_group < 2):
        raise ValueError("groups do not fit")
    if topk_group < 1 or topk_group > n_group:
        raise ValueError("topk_group does not fit")
    size = E // n_group
    if top_k < 1 or top_k > size * topk_group:
        raise ValueError("top_k does not fit")
    if n_group > 1 and not 1 <= group_best <= size:
        raise ValueError("group_best does not fit")
    shift = [0.0] * E if bias is None else numbers(bias)
    indices, weights = [], []
    for row in numbers(logits):
        scores = scores_of(row, scoring)
        biased = [s + b for s, b in zip(scores, shift)]  # noqa: B905
        if n_group > 1:
            groups = [biased[g * size : (g + 1) * size] for g in range(n_group)]
            values = [sum(sorted(group)[-group_best:]) for group in groups]
            open_groups = best_of(values, topk_group)
            biased = [b if e // size in open_groups else -math.inf for e, b in enumerate(biased)]
        picked = best_of(biased, top_k)
        chosen = [scores[e] for e in picked]
        if norm_topk:
            total = sum(chosen) + 1e-20
            chosen = [w / total for w in chosen]
        indices.append(picked)
        weights.append([w * scale for w in chosen])
    return (
        torch.tensor(indices, dtype=torch.int64).reshape(-1, top_k),
        torch.tensor(weights, dtype=torch.float32).reshape(-1, top_k),
    )


def load_metrics(indices, num_experts, token_mask=None):
    if num_experts <= 1:
        raise ValueError("too few experts")
    keep = [True] * len(indices) if token_mask is None else [bool(m) for m in token_mask.tolist()]
    counts = [0] * num_experts
    for row, real in zip(indices.tolist(), keep):  # noqa: B905
        for e in row:
            if not 0 <= e < num_experts:
                raise ValueError("no such expert")
            if real:
                counts[e] += 1
    total = sum(counts)
    found = {
        "counts": torch.tensor(counts),
        "dead_experts": [e for e in range(num_experts) if counts[e] == 0],
    }
    if total == 0:
        return found | {"max_violation": 0.0, "cv_squared": 0.0, "entropy": 1.0, "gini": 0.0}
    mean = total / num_experts
    variance = sum((c - mean) ** 2 for c in counts) / num_experts
    shares = [c / total for c in counts]
    entropy = -sum(s * math.log(s) for s in shares if s > 0) / math.log(num_experts)
    ranked = sorted(counts)
    area = sum((2 * i - num_experts - 1) * c for i, c in enumerate(ranked, start=1))
    found["max_violation"] = max(counts) / mean - 1
    found["cv_squared"] = variance / mean**2
    found["entropy"] = entropy
    found["gini"] = area / (num_experts * total)
    return found


def router_z_loss(logits, token_mask=None):
    losses = []
    for t in range(logits.shape[0]):
        if token_mask is not None and not bool(token_mask[t]):
            continue
        z = logits[t].float()
        highest = z.max().detach()
        normaliser = torch.log(torch.exp(z - highest).sum()) + highest
        losses.append(normaliser**2)
    if not losses:
        return torch.tensor(0.0)
    return sum(losses) / len(losses)


def apply_capacity(
    indices, weights, num_experts, capacity_factor, policy="position", token_mask=None
):
    if token_mask is not None:
        real = [bool(m) for m in token_mask]
        keep = torch.zeros_like(indices, dtype=torch.bool)
        keep[real], dropped = apply_capacity(
            indices[real], weights[real], num_experts, capacity_factor, policy
        )
        return keep, dropped
    if policy not in ("position", "weight", "choice"):
        raise ValueError("unknown policy")
    if not capacity_factor > 0:
        raise ValueError("no capacity")
    T, k = indices.shape
    keep = [[True] * k for _ in range(T)]
    if T == 0 or math.isinf(capacity_factor):
        return torch.ones(T, k, dtype=torch.bool), 0.0
    capacity = math.ceil(T * k * capacity_factor / num_experts)
    slots = [(t, j) for t in range(T) for j in range(k)]
    if policy == "weight":
        heavy = numbers(weights)
        slots.sort(key=lambda slot: -heavy[slot[0]][slot[1]])
    if policy == "choice":
        slots.sort(key=lambda slot: slot[1])
    filled = [0] * num_experts
    for t, j in slots:
        expert = int(indices[t, j])
        keep[t][j] = filled[expert] < capacity
        filled[expert] += 1
    dropped = sum(not kept for row in keep for kept in row)
    return torch.tensor(keep), dropped / (T * k)


def update_expert_bias(bias, counts, rate=0.001):
    loads = counts.tolist()
    total = sum(loads)
    new = bias.detach().float().clone()
    for e, load in enumerate(loads):
        if load * len(loads) > total:
            new[e] -= rate
        elif load * len(loads) < total:
            new[e] += rate
    return new


def coactivation(indices, num_experts, token_mask=None):
    if token_mask is not None:
        indices = indices[[bool(m) for m in token_mask]]
    tokens = [0] * num_experts
    together = [[0] * num_experts for _ in range(num_experts)]
    for row in indices.tolist():
        for i in row:
            tokens[i] += 1
            for j in row:
                if i != j:
                    together[i][j] += 1
    table = [[c / max(1, tokens[i]) for c in together[i]] for i in range(num_experts)]
    return torch.tensor(table, dtype=torch.float32)


def router_saturation(indices_a, indices_b, token_mask=None):
    if indices_a.shape != indices_b.shape or len(indices_a) == 0:
        raise ValueError("two routings of the same tokens are needed")
    if token_mask is not None:
        real = [bool(m) for m in token_mask]
        if True not in real:
            raise ValueError("no real token")
        indices_a, indices_b = indices_a[real], indices_b[real]
    k = indices_a.shape[1]
    shares = []
    for one, two in zip(indices_a.tolist(), indices_b.tolist()):  # noqa: B905
        shares.append(len(set(one) & set(two)) / k)
    return sum(shares) / len(shares)
