"""Further correct solutions of `expert_cache`, and known-wrong ones."""

from __future__ import annotations

import math
from collections import Counter, OrderedDict
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from reference.moe_training_and_serving.expert_cache import exercise, expert_cache
from reference.moe_training_and_serving.expert_cache.checks import (
    eight_tokens,
    equals,
    furthest_in_the_future,
    least_frequently_used,
    least_recently_used,
    no_tokens_and_wrong_arguments,
    room_for_all,
)


def _result(loads: list[int], indices: torch.Tensor) -> dict[str, Any]:
    """What an exercise's answer says of how often each expert was loaded."""
    slots = indices.numel()
    hits = slots - sum(loads)
    return {
        "hits": hits,
        "misses": slots - hits,
        "hit_rate": hits / slots if slots else 0.0,
        "loads": torch.tensor(loads),
    }


@exercise.wheat
def one_eviction_at_a_time(
    indices: torch.Tensor, num_experts: int, cache_size: int, policy: str = "lru"
) -> dict[str, Any]:
    """Plain Python: loads first, and then evicts the worst of the rest until all fit in."""
    rows = [tuple(row) for row in indices.tolist()]
    if policy not in {"lru", "lfu", "belady"} or cache_size < indices.size(1):
        raise ValueError("wrong arguments")
    if any(e not in range(num_experts) for row in rows for e in row):
        raise ValueError("no such expert")
    used_by: Counter[int] = Counter()
    recent: OrderedDict[int, int] = OrderedDict()
    cache: list[int] = []
    hits, loads = 0, [0] * num_experts
    for t, row in enumerate(rows):
        for e in row:
            if e in cache:
                hits += 1
            else:
                loads[e] += 1
        cache = sorted({*cache, *row})
        while len(cache) > cache_size:
            victims = [e for e in cache if e not in row]
            if policy == "lru":
                worst = min(recent[e] for e in victims)
                victim = next(e for e in victims if recent[e] == worst)
            elif policy == "lfu":
                victim = min(victims, key=lambda e: used_by[e])
            else:
                after = rows[t + 1 :]
                next_use = [next((i for i, r in enumerate(after) if e in r), math.inf)
                            for e in victims]  # fmt: skip
                victim = victims[next_use.index(max(next_use))]
            cache.remove(victim)
        used_by.update(row)
        recent.update(dict.fromkeys(row, t))
    total = indices.numel()
    return {
        "hits": hits,
        "misses": total - hits,
        "hit_rate": hits / total if total else 0,
        "loads": torch.tensor(loads),
    }


@exercise.wheat
def in_numpy(
    indices: torch.Tensor, num_experts: int, cache_size: int, policy: str = "lru"
) -> dict[str, Any]:
    """NumPy: a row of use per token, a boolean cache, and a table of next uses from the end."""
    tokens, top_k = indices.shape
    if policy not in ("belady", "lfu", "lru"):
        raise ValueError(policy)
    if top_k > cache_size:
        raise ValueError("the cache is too small")
    if indices.numel() and (indices.min() < 0 or indices.max() >= num_experts):
        raise ValueError("impossible index")
    need = np.zeros((tokens, num_experts), dtype=bool)
    np.put_along_axis(need, indices.numpy(), True, axis=1)
    next_use = np.full((tokens + 1, num_experts), tokens)
    for t in reversed(range(tokens)):
        next_use[t] = np.where(need[t], t, next_use[t + 1])
    last_use = np.zeros(num_experts, dtype=np.int64)
    cached = np.zeros(num_experts, dtype=bool)
    loads = np.zeros(num_experts, dtype=np.int64)
    for t in range(tokens):
        loads += need[t] & ~cached
        idle = np.flatnonzero(cached & ~need[t])
        value = {"lru": last_use, "lfu": need[:t].sum(axis=0), "belady": -next_use[t + 1]}[policy]
        idle = idle[np.argsort(value[idle], kind="stable")]
        cached = need[t].copy()
        cached[idle[max(0, len(idle) + top_k - cache_size) :]] = True
        last_use[need[t]] = t
    hits = need.sum() - loads.sum()
    return {
        "hits": hits,
        "misses": torch.tensor(loads.sum()),
        "hit_rate": np.float32(hits / max(1, need.sum())),
        "loads": torch.from_numpy(loads),
    }


def _replay(
    indices: torch.Tensor, num_experts: int, cache_size: int, policy: str,
    value: Callable[[int, int, list[list[int]]], float],
) -> dict[str, Any]:  # fmt: skip
    """A replay that evicts by `value(expert, now, rows)`, smallest first; errors are right."""
    expert_cache(indices, num_experts, cache_size, policy)
    rows = indices.tolist()
    cached: set[int] = set()
    loads = [0] * num_experts
    for now, row in enumerate(rows):
        for expert in set(row) - cached:
            loads[expert] += 1
        idle = sorted(cached - set(row), key=lambda e: (value(e, now, rows), e))
        cached = {*row, *idle[max(0, len(idle) + len(row) - cache_size) :]}
    return _result(loads, indices)


@exercise.chaff(caught_by=eight_tokens)
def first_in_first_out(
    indices: torch.Tensor, num_experts: int, cache_size: int, policy: str = "lru"
) -> dict[str, Any]:
    """Evicts what was loaded longest ago: with "lru", a hit makes an expert recent again."""
    if policy != "lru":
        return expert_cache(indices, num_experts, cache_size, policy)
    expert_cache(indices, num_experts, cache_size, policy)
    cached: dict[int, int] = {}
    loads = [0] * num_experts
    for now, row in enumerate(indices.tolist()):
        for expert in sorted(row):
            if expert not in cached:
                loads[expert] += 1
                cached[expert] = now
        idle = sorted((e for e in cached if e not in row), key=lambda e: (cached[e], e))
        for expert in idle[: max(0, len(cached) - cache_size)]:
            del cached[expert]
    return _result(loads, indices)


@exercise.chaff(caught_by=eight_tokens)
def most_recently_used(
    indices: torch.Tensor, num_experts: int, cache_size: int, policy: str = "lru"
) -> dict[str, Any]:
    """Evicts what was used last: "lru" evicts what was used longest ago."""
    if policy != "lru":
        return expert_cache(indices, num_experts, cache_size, policy)
    return _replay(
        indices, num_experts, cache_size, policy,
        lambda e, now, rows: -max(t for t in range(now) if e in rows[t]),
    )  # fmt: skip


@exercise.chaff(caught_by=least_recently_used)
def another_default(
    indices: torch.Tensor, num_experts: int, cache_size: int, policy: str = "lfu"
) -> dict[str, Any]:
    """Has another default policy: it is "lru"."""
    return expert_cache(indices, num_experts, cache_size, policy)


@exercise.chaff(caught_by=least_frequently_used)
def forgets_evicted_experts(
    indices: torch.Tensor, num_experts: int, cache_size: int, policy: str = "lru"
) -> dict[str, Any]:
    """Starts counting anew when an expert comes back: with "lfu", all uses since the start
    count."""
    if policy != "lfu":
        return expert_cache(indices, num_experts, cache_size, policy)
    expert_cache(indices, num_experts, cache_size, policy)
    cached: dict[int, int] = {}
    loads = [0] * num_experts
    for row in indices.tolist():
        for expert in row:
            loads[expert] += expert not in cached
            cached[expert] = cached.get(expert, 0) + 1
        idle = sorted((e for e in cached if e not in row), key=lambda e: (cached[e], e))
        for expert in idle[: max(0, len(cached) - cache_size)]:
            del cached[expert]
    return _result(loads, indices)


@exercise.chaff(caught_by=eight_tokens)
def most_frequently_used(
    indices: torch.Tensor, num_experts: int, cache_size: int, policy: str = "lru"
) -> dict[str, Any]:
    """Evicts the expert with the most uses: "lfu" evicts the one with the fewest."""
    if policy != "lfu":
        return expert_cache(indices, num_experts, cache_size, policy)
    return _replay(
        indices, num_experts, cache_size, policy,
        lambda e, now, rows: -sum(e in row for row in rows[:now]),
    )  # fmt: skip


@exercise.chaff(caught_by=eight_tokens)
def soonest_in_the_future(
    indices: torch.Tensor, num_experts: int, cache_size: int, policy: str = "lru"
) -> dict[str, Any]:
    """Evicts what is needed next: Belady's rule evicts what is needed last."""
    if policy != "belady":
        return expert_cache(indices, num_experts, cache_size, policy)
    return _replay(
        indices, num_experts, cache_size, policy,
        lambda e, now, rows: next((t for t in range(now, len(rows)) if e in rows[t]), math.inf),
    )  # fmt: skip


@exercise.chaff(caught_by=furthest_in_the_future)
def sees_only_four_tokens_ahead(
    indices: torch.Tensor, num_experts: int, cache_size: int, policy: str = "lru"
) -> dict[str, Any]:
    """Looks only a few tokens ahead: the whole future counts."""
    if policy != "belady":
        return expert_cache(indices, num_experts, cache_size, policy)
    return _replay(
        indices, num_experts, cache_size, policy,
        lambda e, now, rows: -next(
            (t for t in range(now, min(now + 4, len(rows))) if e in rows[t]), math.inf
        ),
    )  # fmt: skip


@exercise.chaff(caught_by=eight_tokens)
def never_again_counts_as_now(
    indices: torch.Tensor, num_experts: int, cache_size: int, policy: str = "lru"
) -> dict[str, Any]:
    """Keeps experts that are never used again, because there is no next use to compare: they go
    first."""
    if policy != "belady":
        return expert_cache(indices, num_experts, cache_size, policy)
    return _replay(
        indices, num_experts, cache_size, policy,
        lambda e, now, rows: -next((t for t in range(now, len(rows)) if e in rows[t]), -1),
    )  # fmt: skip


@exercise.chaff(caught_by=equals)
def higher_expert_of_equals(
    indices: torch.Tensor, num_experts: int, cache_size: int, policy: str = "lru"
) -> dict[str, Any]:
    """Evicts the higher of two equal experts; the exercise says the lower one."""
    if bool(((indices < 0) | (indices >= num_experts)).any()):
        raise ValueError("no such expert")
    result = expert_cache(num_experts - 1 - indices, num_experts, cache_size, policy)
    return {**result, "loads": result["loads"].flip(0)}


@exercise.chaff(caught_by=equals)
def slots_are_used_in_turn(
    indices: torch.Tensor, num_experts: int, cache_size: int, policy: str = "lru"
) -> dict[str, Any]:
    """Takes a token's last slot for used more recently than its first one; a token uses all its
    experts at once."""
    if policy != "lru":
        return expert_cache(indices, num_experts, cache_size, policy)
    return _replay(
        indices, num_experts, cache_size, policy,
        lambda e, now, rows: max(
            t + row.index(e) / len(row) for t, row in enumerate(rows[:now]) if e in row
        ),
    )  # fmt: skip


@exercise.chaff(caught_by=least_recently_used)
def one_expert_after_the_other(
    indices: torch.Tensor, num_experts: int, cache_size: int, policy: str = "lru"
) -> dict[str, Any]:
    """Loads a token's experts one after the other, so that the first may evict the second: never
    evict what the token needs."""
    right = expert_cache(indices, num_experts, cache_size, policy)
    if policy != "lru" or not len(indices):
        return right
    cached: list[int] = []
    loads = [0] * num_experts
    for expert in indices.flatten().tolist():
        if expert in cached:
            cached.remove(expert)
        else:
            loads[expert] += 1
        cached = [*cached, expert][-cache_size:]
    return _result(loads, indices)


@exercise.chaff(caught_by=eight_tokens)
def empties_a_full_cache(
    indices: torch.Tensor, num_experts: int, cache_size: int, policy: str = "lru"
) -> dict[str, Any]:
    """Evicts everything that the token doesn't need as soon as the cache is too small: only as many
    experts go as are too many."""
    expert_cache(indices, num_experts, cache_size, policy)
    cached: set[int] = set()
    loads = [0] * num_experts
    for row in indices.tolist():
        for expert in set(row) - cached:
            loads[expert] += 1
        cached |= set(row)
        if len(cached) > cache_size:
            cached = set(row)
    return _result(loads, indices)


@exercise.chaff(caught_by=room_for_all)
def evicts_what_it_may_keep(
    indices: torch.Tensor, num_experts: int, cache_size: int, policy: str = "lru"
) -> dict[str, Any]:
    """Slices with a negative number of experts to evict, where the cache is not full yet."""
    if cache_size < num_experts or not len(indices):
        return expert_cache(indices, num_experts, cache_size, policy)
    return expert_cache(indices, num_experts, indices.shape[1] + 1, policy)


@exercise.chaff(caught_by=eight_tokens)
def hits_per_token(
    indices: torch.Tensor, num_experts: int, cache_size: int, policy: str = "lru"
) -> dict[str, Any]:
    """Divides the hits by T: the hit rate is their share of the T · k needed experts."""
    result = expert_cache(indices, num_experts, cache_size, policy)
    return {**result, "hit_rate": result["hits"] / max(1, len(indices))}


@exercise.chaff(caught_by=eight_tokens)
def uses_instead_of_loads(
    indices: torch.Tensor, num_experts: int, cache_size: int, policy: str = "lru"
) -> dict[str, Any]:
    """Counts how often each expert is used; asked for is how often it was loaded."""
    result = expert_cache(indices, num_experts, cache_size, policy)
    return {**result, "loads": torch.bincount(indices.flatten(), minlength=num_experts)}


@exercise.chaff(caught_by=no_tokens_and_wrong_arguments)
def nan_without_tokens(
    indices: torch.Tensor, num_experts: int, cache_size: int, policy: str = "lru"
) -> dict[str, Any]:
    """Divides by T · k = 0 where there are no tokens."""
    result = expert_cache(indices, num_experts, cache_size, policy)
    return result if len(indices) else {**result, "hit_rate": math.nan}


@exercise.chaff(caught_by=no_tokens_and_wrong_arguments)
def lru_for_every_other_policy(
    indices: torch.Tensor, num_experts: int, cache_size: int, policy: str = "lru"
) -> dict[str, Any]:
    """Takes every policy but "lfu" and "belady" for "lru", misspelt ones included."""
    known = policy if policy in ("lfu", "belady") else "lru"
    return expert_cache(indices, num_experts, cache_size, known)


@exercise.chaff(caught_by=no_tokens_and_wrong_arguments)
def finds_out_when_it_evicts(
    indices: torch.Tensor, num_experts: int, cache_size: int, policy: str = "lru"
) -> dict[str, Any]:
    """Looks at the policy only when something has to be evicted: check the arguments first."""
    if cache_size >= num_experts or not len(indices):
        policy = policy if policy in ("lru", "lfu", "belady") else "lru"
    return expert_cache(indices, num_experts, cache_size, policy)


@exercise.chaff(caught_by=no_tokens_and_wrong_arguments)
def too_small_a_cache(
    indices: torch.Tensor, num_experts: int, cache_size: int, policy: str = "lru"
) -> dict[str, Any]:
    """Accepts a cache that doesn't hold the experts of one token."""
    return expert_cache(indices, num_experts, max(cache_size, indices.shape[1]), policy)


@exercise.chaff(caught_by=no_tokens_and_wrong_arguments)
def negative_indices_from_the_end(
    indices: torch.Tensor, num_experts: int, cache_size: int, policy: str = "lru"
) -> dict[str, Any]:
    """Lets -1 mean the last expert, as indexing in Python does: here it is a ValueError."""
    around = torch.where(indices < 0, indices + num_experts, indices)
    return expert_cache(around, num_experts, cache_size, policy)


@exercise.chaff(caught_by=no_tokens_and_wrong_arguments)
def sorts_in_place(
    indices: torch.Tensor, num_experts: int, cache_size: int, policy: str = "lru"
) -> dict[str, Any]:
    """Sorts each token's experts in the caller's own tensor: sort a copy."""
    result = expert_cache(indices, num_experts, cache_size, policy)
    indices.copy_(indices.sort(dim=1).values)
    return result
