"""The references beside the rules of systems that are in use, told anew from their descriptions.

What differs, and is meant to:

* DeepSeek's balancer (EPLB) computes in float32, and leaves it to its sort which of two replicas of
  equal weight comes first; a further replica stands behind all first ones. With as many devices as
  replicas it doesn't pack at all: replica i stays on device i, where `place_experts` gives the
  heaviest one to device 0.
* Megatron-Core divides before it multiplies, ceil(T · k / E · factor), so that its capacity can be
  larger by one where floats round up. Its `drop_policy="position"` takes the first tokens of an
  expert, "probs" those with the largest weights.
* GShard (algorithm 1) computes the capacity and places all first choices before any second one.
* An expert's cache with room for one token's experts and more is the cache of operating systems
  where a token has one expert.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from functools import cache

import numpy as np
import pytest
import torch

from reference.moe_routing_in_practice.apply_capacity import apply_capacity
from reference.moe_routing_in_practice.route import route
from reference.moe_training_and_serving.expert_cache import expert_cache
from reference.moe_training_and_serving.expert_choice import expert_choice
from reference.moe_training_and_serving.place_experts import place_experts
from reference.moe_training_and_serving.token_traffic import token_traffic


def deepseeks_balancer(
    loads: torch.Tensor, num_devices: int, num_replicas: int
) -> tuple[list[int], list[list[int]]]:
    """EPLB's global policy for one layer: the replicas per expert, and the experts per device."""
    load = loads.numpy().astype(np.float32)
    owners = list(range(load.size))  # the expert of each replica
    while len(owners) < num_replicas:
        owners.append(int((load / np.bincount(owners)).argmax()))
    count = np.bincount(owners)
    if num_devices == num_replicas:
        return count.tolist(), [[owner] for owner in owners]
    weight = (load / count)[owners]
    devices: list[list[int]] = [[] for _ in range(num_devices)]
    for replica in np.argsort(-weight, kind="stable"):
        free = [device for device in devices if len(device) < num_replicas // num_devices]
        min(free, key=lambda held: sum(weight[r] for r in held)).append(replica)
    return count.tolist(), [sorted(owners[r] for r in held) for held in devices]


@pytest.mark.parametrize(
    ("experts", "devices", "replicas"), [(8, 4, 12), (64, 8, 80), (256, 32, 288), (5, 2, 14)]
)
def test_experts_are_placed_as_deepseeks_balancer_places_them(
    experts: int, devices: int, replicas: int
) -> None:
    rng = np.random.default_rng(experts)
    for _ in range(5):
        loads = torch.from_numpy(rng.lognormal(5.0, 1.0, size=experts))
        ours = place_experts(loads, devices, replicas)
        count, held = deepseeks_balancer(loads, devices, replicas)
        assert ours["replicas"].tolist() == count
        assert ours["device_experts"].tolist() == held


def test_with_one_replica_per_device_deepseeks_balancer_does_not_sort() -> None:
    loads = torch.tensor([10, 50, 30, 20])
    _, held = deepseeks_balancer(loads, 4, 4)
    assert held == [[0], [1], [2], [3]]
    assert place_experts(loads, 4, 4)["device_experts"].tolist() == [[1], [2], [3], [0]]


def test_replicas_make_the_load_of_devices_even() -> None:
    loads = torch.tensor([900, 500, 300, 100, 80, 60, 40, 20])
    even = {count: place_experts(loads, 4, count)["balancedness"] for count in (8, 12)}
    assert even == {8: pytest.approx(0.54, abs=0.005), 12: pytest.approx(0.97, abs=0.005)}


def routing(rng: np.random.Generator, tokens: int, experts: int, top_k: int) -> torch.Tensor:
    liking = np.linspace(1.5, -1.5, experts) + rng.gumbel(size=(tokens, experts))
    return torch.from_numpy(np.argsort(-liking, axis=1)[:, :top_k].copy())


@pytest.mark.parametrize(("ours", "theirs"), [("weight", "probs"), ("position", "position")])
def test_capacity_keeps_what_megatron_core_keeps(ours: str, theirs: str) -> None:
    rng = np.random.default_rng(3)
    for factor in (0.5, 1.0, 1.25):
        indices = routing(rng, 64, 8, 2)
        weights = torch.from_numpy(rng.permutation(128).reshape(64, 2) / 128).float()
        room = math.ceil(64 * 2 / 8 * factor)
        table = torch.full((64, 8), -1.0).scatter(1, indices, weights)  # tokens, experts
        if theirs == "position":
            table = torch.where(table >= 0, 1.0 - torch.arange(64).unsqueeze(1) / 64, -1.0)
        kept = torch.zeros(64, 8, dtype=torch.bool)
        kept.scatter_(0, table.topk(room, dim=0).indices, value=True)
        kept &= table >= 0

        keep, dropped = apply_capacity(indices, weights, 8, factor, ours)

        assert torch.equal(keep, kept.gather(1, indices))
        assert dropped == pytest.approx(1 - int(kept.sum()) / 128)


def test_capacity_by_choice_is_gshards() -> None:
    rng = np.random.default_rng(4)
    indices = routing(rng, 50, 6, 2)
    room = math.ceil(50 * 2 * 0.75 / 6)
    filled = [0] * 6
    kept = torch.zeros(50, 2, dtype=torch.bool)
    for choice in (0, 1):
        for token in range(50):
            expert = int(indices[token, choice])
            kept[token, choice] = filled[expert] < room
            filled[expert] += 1
    weights = torch.full((50, 2), 0.5)
    assert torch.equal(apply_capacity(indices, weights, 6, 0.75, "choice")[0], kept)
    differ = kept != apply_capacity(indices, weights, 6, 0.75, "position")[0]
    assert 0.05 < float(differ.float().mean()) < 0.5


def test_an_expert_takes_the_tokens_with_the_largest_scores() -> None:
    """Zhou et al., section 3.2: S = softmax(X W), and top-k of Sᵀ with k = n · c / e."""
    logits = torch.randn(32, 8, generator=torch.Generator().manual_seed(5))
    weights, chosen = logits.softmax(dim=1).T.topk(8)
    ours = expert_choice(logits, 2.0)
    assert torch.equal(ours["chosen"], chosen)
    assert torch.equal(ours["weights"], weights)


def test_a_later_token_changes_what_an_earlier_one_gets() -> None:
    logits = torch.randn(16, 4, generator=torch.Generator().manual_seed(6))
    before = expert_choice(logits, 1.0)["experts_per_token"]
    changed = logits.clone()
    changed[-1] = torch.tensor([9.0, 0.0, 0.0, 0.0])
    after = expert_choice(changed, 1.0)["experts_per_token"]
    assert not torch.equal(before[:-1], after[:-1])


def test_groups_bound_how_many_devices_a_token_reaches() -> None:
    logits = torch.randn(4_000, 64, generator=torch.Generator().manual_seed(7))
    placement, sources = torch.arange(64) // 8, torch.zeros(4_000, dtype=torch.int64)
    free, bound = (
        token_traffic(route(logits, 8, **groups)[0], placement, sources, 8)["fan_out"]
        for groups in ({}, {"n_group": 8, "topk_group": 4})
    )
    assert free == pytest.approx(5.4, abs=0.1)
    assert 3 < bound <= 4


def fewest_loads(stream: tuple[int, ...], size: int) -> int:
    """The fewest loads that any way of evicting needs, of all that there are."""

    @cache
    def from_here(position: int, cached: frozenset[int]) -> int:
        if position == len(stream):
            return 0
        needed = stream[position]
        if needed in cached or len(cached) < size:
            return (needed not in cached) + from_here(position + 1, cached | {needed})
        ways = (cached - {victim} | {needed} for victim in cached)
        return 1 + min(from_here(position + 1, way) for way in ways)

    return from_here(0, frozenset())


def test_no_way_of_evicting_needs_fewer_loads_than_beladys() -> None:
    rng = np.random.default_rng(8)
    for _ in range(30):
        stream = rng.integers(0, 5, size=14)
        indices = torch.from_numpy(stream).unsqueeze(1)
        misses = {p: expert_cache(indices, 5, 3, p)["misses"] for p in ("lru", "lfu", "belady")}
        assert misses["belady"] == fewest_loads(tuple(stream.tolist()), 3)
        assert misses["belady"] <= min(misses.values())


def test_with_one_expert_per_token_lru_is_that_of_an_ordered_dict() -> None:
    stream = np.random.default_rng(9).integers(0, 12, size=400)
    cached: OrderedDict[int, None] = OrderedDict()
    hits = 0
    for expert in stream.tolist():
        hits += expert in cached
        cached[expert] = None
        cached.move_to_end(expert)
        if len(cached) > 5:
            cached.popitem(last=False)
    assert expert_cache(torch.from_numpy(stream).unsqueeze(1), 12, 5)["hits"] == hits
