"""A complete submission of `moe_training_and_serving`, written from the statements alone."""

import copy
import math
from collections import Counter, deque

import numpy as np
import torch
import torch.nn.functional as F


def scoped_balance_loss(logits, top_k, groups, scope="global"):
    T, E = logits.shape
    if scope not in ("local", "global"):
        raise ValueError(f"unknown scope {scope!r}")
    if not 1 <= top_k <= E:
        raise ValueError("top_k must be in 1..E")
    if tuple(groups.shape) != (T,):
        raise ValueError("groups must be [T]")
    z = logits.float()
    probs = F.softmax(z, dim=-1)
    picked = torch.zeros(T, E)
    picked.scatter_(1, torch.topk(z.detach(), top_k, dim=-1).indices, 1.0)

    def f_of(members):
        return picked[members].sum(dim=0) / (members.sum() * top_k)

    real = groups != -1
    ids = torch.unique(groups[real])
    if ids.numel() == 0:
        return torch.tensor(0.0)
    f_all = f_of(real)
    total = 0.0
    for g in ids:
        members = groups == g
        f = f_of(members) if scope == "local" else f_all
        total = total + E * (f * probs[members].mean(dim=0)).sum()
    return total / len(ids)


def balance_with_bias(scores, top_k, rate, bias=None):
    if scores.ndim != 3:
        raise ValueError("scores must be [S, T, E]")
    S, T, E = scores.shape
    if S == 0 or T == 0:
        raise ValueError("no steps or no tokens")
    if top_k < 1 or top_k > E:
        raise ValueError("top_k must be in 1..E")
    mean = T * top_k / E
    biases = torch.zeros(S + 1, E)
    if bias is not None:
        biases[0] = bias.float()
    counts = torch.zeros(S, E, dtype=torch.int64)
    for s in range(S):
        top = torch.topk(scores[s].float() + biases[s], top_k, dim=1).indices
        counts[s] = F.one_hot(top, E).sum(dim=(0, 1))
        biases[s + 1] = biases[s] + rate * torch.sign(mean - counts[s].double()).float()
    return {
        "counts": counts,
        "bias": biases,
        "max_violation": counts.max(dim=1).values.float() / mean - 1,
        "global_violation": counts.sum(dim=0).max().item() / (S * mean) - 1,
    }


def _routers(model):
    return [m for m in model.modules() if m.__class__.__name__.endswith("TopKRouter")]


def train_with_router_log(model, batches, alpha=0.01, lr=0.1):
    if len(_routers(model)) == 0:
        raise ValueError("this model has no routers")
    student = copy.deepcopy(model).to(torch.float32)
    for p in student.parameters():
        p.requires_grad = True
    log = []
    for batch in batches:
        input_ids, attention_mask = batch["input_ids"], batch["attention_mask"]
        outputs = []
        hooks = [
            r.register_forward_hook(lambda m, args, output, to=outputs: to.append(output))
            for r in _routers(student)
        ]
        logits = student(input_ids=input_ids, attention_mask=attention_mask).logits
        for h in hooks:
            h.remove()
        labels = input_ids.clone()
        labels[attention_mask == 0] = -100
        language = F.cross_entropy(
            logits[:, :-1].reshape(-1, logits.shape[-1]), labels[:, 1:].reshape(-1)
        )
        keep = attention_mask.reshape(-1).bool()
        balance, violation, dead = 0, [], []
        for router_logits, _, chosen in outputs:
            E = router_logits.shape[-1]
            n = torch.bincount(chosen[keep].reshape(-1), minlength=E).float()
            P = router_logits[keep].softmax(dim=-1).mean(dim=0)
            balance = balance + E * torch.dot(n / n.sum(), P) / len(outputs)
            violation.append((n.max() / n.mean() - 1).item())
            dead.append(int((n == 0).sum()))
        log.append(
            {
                "language_loss": language.item(),
                "balance_loss": balance.item(),
                "max_violation": violation,
                "dead_experts": dead,
            }
        )
        student.zero_grad()
        (language + alpha * balance).backward()
        with torch.no_grad():
            for p in student.parameters():
                if p.grad is not None:
                    p.sub_(lr * p.grad)
    return log


def specialisation(indices, labels, num_experts, num_labels):
    if ((labels < -1) | (labels >= num_labels)).any():
        raise ValueError("a label is out of range")
    if ((indices < 0) | (indices >= num_experts)).any():
        raise ValueError("an index is out of range")
    keep = labels != -1
    idx, lab = indices[keep].numpy(), labels[keep].numpy()
    counts = np.zeros((num_labels, num_experts))
    tokens = np.zeros(num_labels)
    for row, d in zip(idx, lab, strict=True):
        counts[d, row] += 1
        tokens[d] += 1
    share = np.zeros_like(counts)
    lift = np.ones_like(counts)
    top = np.full(num_labels, -1)
    used = counts.sum(axis=0)
    for d in range(num_labels):
        if tokens[d] == 0:
            continue
        share[d] = counts[d] / tokens[d]
        top[d] = int(np.argmax(share[d]))
        for e in range(num_experts):
            if used[e] > 0:
                lift[d, e] = share[d, e] / (used[e] / tokens.sum())
    mi = 0.0
    slots = counts.sum()
    for d in range(num_labels):
        for e in range(num_experts):
            if counts[d, e] > 0:
                p = counts[d, e] / slots
                mi += p * math.log2(p / (counts[d].sum() / slots * used[e] / slots))
    return {
        "share": torch.tensor(share, dtype=torch.float32),
        "lift": torch.tensor(lift, dtype=torch.float32),
        "mutual_information": mi,
        "top_expert": torch.tensor(top, dtype=torch.int64),
    }


def next_layer_recall(model, input_ids, attention_mask):
    routers = _routers(model)
    inputs, choices = [], []

    def hook(module, args, output):
        inputs.append(args[0])
        choices.append(output[2])

    hooks = [r.register_forward_hook(hook) for r in routers]
    try:
        with torch.no_grad():
            model(input_ids=input_ids, attention_mask=attention_mask)
    finally:
        for h in hooks:
            h.remove()
    real = (attention_mask == 1).reshape(-1)
    result = []
    for i in range(len(routers) - 1):
        x = inputs[i].reshape(-1, inputs[i].shape[-1])[real].float()
        scores = F.linear(x, routers[i + 1].weight.detach().float())
        truth = choices[i + 1][real].tolist()
        k = len(truth[0])
        guess = scores.topk(k, dim=-1).indices.tolist()
        favourites = [e for e, _ in Counter(e for row in truth for e in row).most_common(k)]
        result.append(
            {
                "recall": np.mean(
                    [len({*a} & {*b}) / k for a, b in zip(guess, truth, strict=True)]
                ),
                "popular": np.mean([len({*favourites} & {*b}) / k for b in truth]),
            }
        )
    return result


def expert_choice(logits, capacity_factor, token_mask=None):
    if math.isnan(capacity_factor) or capacity_factor <= 0:
        raise ValueError("the capacity factor must be positive")
    T, E = logits.shape
    s = torch.softmax(logits.float(), dim=-1)
    real = torch.arange(T) if token_mask is None else torch.nonzero(token_mask.bool()).flatten()
    n = len(real)
    C = n if math.isinf(capacity_factor) else min(n, math.ceil(n * capacity_factor / E))
    order = torch.sort(s[real], dim=0, descending=True, stable=True).indices[:C].T
    chosen = real[order].reshape(E, C)
    weights = torch.stack([s[chosen[e], e] for e in range(E)]).reshape(E, C)
    per_token = torch.bincount(chosen.reshape(-1), minlength=T)
    unserved = float((per_token[real] == 0).float().mean()) if n else 0.0
    return {
        "chosen": chosen,
        "weights": weights,
        "experts_per_token": per_token,
        "unserved": unserved,
    }


def token_traffic(indices, placement, sources, num_devices, node_size=1):
    D = num_devices
    if D < 1 or node_size < 1 or D % node_size:
        raise ValueError("impossible devices or nodes")
    for where in (placement, sources):
        if len(where) and (where.min() < 0 or where.max() >= D):
            raise ValueError("a device that does not exist")
    copies = torch.zeros(D, D, dtype=torch.int64)
    slots = torch.zeros(D, dtype=torch.int64)
    fan_out = across = 0
    for row, a in zip(indices.tolist(), sources.tolist(), strict=True):
        devices = [int(placement[e]) for e in row]
        for b in devices:
            slots[b] += 1
        for b in set(devices) - {a}:
            copies[a, b] += 1
        fan_out += len(set(devices))
        across += len({b // node_size for b in devices} - {a // node_size})
    T = len(indices)
    return {
        "copies": copies,
        "slots": slots,
        "fan_out": fan_out / T if T else 0.0,
        "across_nodes": across,
    }


def place_experts(loads, num_devices, num_replicas):
    load = loads.double().tolist()
    E, D = len(load), num_devices
    if D < 1 or num_replicas < E or num_replicas % D or min(load) < 0:
        raise ValueError("impossible arguments")
    replicas = [1] * E
    for _ in range(num_replicas - E):
        replicas[max(range(E), key=lambda e: (load[e] / replicas[e], -e))] += 1
    todo = [(load[e] / replicas[e], e) for e in range(E) for _ in range(replicas[e])]
    todo.sort(key=lambda item: (-item[0], item[1]))
    room = num_replicas // D
    boxes = [[] for _ in range(D)]
    weight = [0.0] * D
    for w, e in todo:
        free = [d for d in range(D) if len(boxes[d]) < room]
        best = min(free, key=lambda d: (weight[d], d))
        boxes[best].append(e)
        weight[best] += w
    return {
        "replicas": torch.tensor(replicas),
        "device_experts": torch.tensor([sorted(box) for box in boxes]),
        "device_load": torch.tensor(weight, dtype=torch.float32),
        "balancedness": sum(weight) / D / max(weight) if max(weight) > 0 else 1.0,
    }


def expert_cache(indices, num_experts, cache_size, policy="lru"):
    if policy not in ("lru", "lfu", "belady"):
        raise ValueError("unknown policy")
    rows = indices.tolist()
    T, k = indices.shape
    if cache_size < k:
        raise ValueError("the cache is too small")
    if any(e < 0 or e >= num_experts for row in rows for e in row):
        raise ValueError("an expert that does not exist")
    future = [deque() for _ in range(num_experts)]
    for t, row in enumerate(rows):
        for e in row:
            future[e].append(t)
    last = [-1] * num_experts
    uses = [0] * num_experts
    loads = torch.zeros(num_experts, dtype=torch.int64)
    cached = set()
    hits = 0
    for t, row in enumerate(rows):
        for e in row:
            future[e].popleft()
        need = set(row)
        hits += len(need & cached)
        for e in need - cached:
            loads[e] += 1
        too_many = max(0, len(cached | need) - cache_size)

        def goes_first(e):
            if policy == "lru":
                return last[e], e
            if policy == "lfu":
                return uses[e], e
            return -(future[e][0] if future[e] else math.inf), e

        gone = sorted(cached - need, key=goes_first)[:too_many]
        cached = (cached - set(gone)) | need
        for e in row:
            last[e] = t
            uses[e] += 1
    misses = T * k - hits
    return {
        "hits": hits,
        "misses": misses,
        "hit_rate": hits / (T * k) if T else 0.0,
        "loads": loads,
    }
