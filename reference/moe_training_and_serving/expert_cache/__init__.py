r"""# Experts that do not fit

A model whose experts do not all fit into the memory of a GPU can still write text there: most of
the experts wait in the slower memory of the host, and only those that are needed are loaded. While
one token after another is written, neighbouring tokens often need the same experts, so a *cache*
saves loads. How many depends on how the model routes, and on what the cache throws out when it is
full. *Least recently used* and *least frequently used* know the past. Belady's rule looks into the
future: nobody can run it in a server, but no other rule needs fewer loads for a token with a single
expert, so it tells how much is left to gain.

The cache holds `cache_size` experts and starts empty. A token needs its k experts at once. Those in
the cache before the token are *hits*, the others are *misses* and are loaded. If the experts in the
cache and those that the token needs are then too many for it together, just as many experts are
evicted as are too many, never one that this token needs. Which ones, `policy` says:

- [lru] `"lru"`: those whose last use is longest ago.
- [lfu] `"lfu"`: those that the fewest tokens have used since the start. Uses before an eviction
  count, too.
- [belady] `"belady"`: those whose next use is furthest in the future; an expert that is never used
  again goes before all others.
- [equals] Among equals, the lower expert is evicted first. Experts of one token are used at the
  same time, whatever their slots.

Write `expert_cache(indices, num_experts, cache_size, policy="lru")` for `indices` ([T, k], int64):
one layer's experts, token after token. It returns a dict:

- [hits] `hits` and `misses`: how many of the T · k needed experts were in the cache, and how many
  were not (ints).
- [hit-rate] `hit_rate`: hits divided by T · k, as a number; 0.0 for T = 0.
- [loads] `loads`: int64 tensor [E]: how often each expert was loaded.

What else holds:

- [large-cache] The cache may be larger than the number of experts: then nothing is ever evicted.
- [wrong-arguments] `ValueError` for an unknown policy, for a `cache_size` below k, and for an index
  outside 0..E − 1.
- [unchanged] `indices` is not changed.

Sources: Eliseev and Mazur, [*Fast Inference of Mixture-of-Experts Language Models with
Offloading*](https://arxiv.org/abs/2312.17238) (2023), section 3.1 (LRU); Belady, *A study of
replacement algorithms for a virtual-storage computer* (1966).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

import torch

from autograder import Effort, Exercise

exercise = Exercise("expert_cache", effort=Effort(difficulty=3, importance=3, minutes=35))


@exercise.solution
def expert_cache(
    indices: torch.Tensor, num_experts: int, cache_size: int, policy: str = "lru"
) -> dict[str, Any]:
    """Replay one layer's routing through a cache of experts, and count what has to be loaded.

    `indices` is [T, k], in the order of the tokens; `policy` is "lru", "lfu" or "belady". The keys
    are the numbers `hits`, `misses` and `hit_rate`, and `loads` ([E], int64). Raises `ValueError`
    for an unknown policy, `cache_size` below k, and an index outside 0..E−1.
    """
    tokens, top_k = indices.shape
    if cache_size < top_k:
        raise ValueError(f"cache_size is {cache_size}; a token needs {top_k} experts at once")
    if bool(((indices < 0) | (indices >= num_experts)).any()):
        raise ValueError(f"indices must be 0..{num_experts - 1}")
    last_use = [-1] * num_experts
    uses = [0] * num_experts
    future: list[deque[int]] = [deque() for _ in range(num_experts)]
    values: dict[str, Callable[[int], int]] = {
        "lru": last_use.__getitem__,
        "lfu": uses.__getitem__,
        "belady": lambda expert: -future[expert][0] if future[expert] else -tokens,
    }
    if policy not in values:
        raise ValueError(f"policy is {policy!r}; it must be one of {', '.join(values)}")
    value = values[policy]
    needs = indices.tolist()
    for now, needed in enumerate(needs):
        for expert in needed:
            future[expert].append(now)
    loads = [0] * num_experts
    cached: set[int] = set()
    for now, needed in enumerate(needs):
        for expert in set(needed) - cached:
            loads[expert] += 1
        idle = sorted(cached - set(needed), key=lambda expert: (value(expert), expert))
        too_many = max(0, len(idle) + top_k - cache_size)
        cached = {*needed, *idle[too_many:]}
        for expert in needed:
            last_use[expert] = now
            uses[expert] += 1
            future[expert].popleft()
    misses = sum(loads)
    return {
        "hits": indices.numel() - misses,
        "misses": misses,
        "hit_rate": 1 - misses / indices.numel() if tokens else 0.0,
        "loads": torch.tensor(loads, dtype=torch.int64, device=indices.device),
    }
