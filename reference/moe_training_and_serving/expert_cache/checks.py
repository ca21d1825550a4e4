"""The checks of `expert_cache`."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch

from autograder import given
from autograder.authoring.given import Given
from moelab_kit import Answer
from moelab_kit.compare import difference
from reference.moe_training_and_serving.expert_cache import exercise, expert_cache

POLICIES = ("lru", "lfu", "belady")
SIZES = ((60, 8, 1, 4), (40, 8, 2, 5), (30, 12, 3, 8), (30, 8, 3, 3))


@exercise.law(
    points=1.5,
    proves=("lru", "lfu", "belady", "hits", "hit-rate", "loads", "numbers"),
)
def eight_tokens(answer: Answer, rng: np.random.Generator) -> None:
    """Eight tokens with two experts each, and a cache that holds three."""
    named = torch.from_numpy(np.sort(rng.choice(40, size=5, replace=False)))
    stream = torch.tensor([[3, 0], [2, 0], [3, 0], [4, 1], [4, 2], [3, 2], [1, 0], [0, 1]])
    for policy, hits, loaded in (
        ("lru", 7, [2, 2, 2, 2, 1]),
        ("lfu", 8, [1, 2, 2, 2, 1]),
        ("belady", 9, [2, 1, 1, 2, 1]),
    ):
        result = answer(named[stream], 40, 3, policy)
        assert isinstance(result, dict), f"asked for a dict, got {type(result).__name__}"
        loads = torch.zeros(40, dtype=torch.int64)
        loads[named] = torch.tensor(loaded)
        expected = {"hits": hits, "misses": 16 - hits, "hit_rate": hits / 16, "loads": loads}
        wrong = difference(result, expected)
        assert not wrong, (
            f"for the tokens {named[stream].tolist()}, a cache of 3 and {policy!r}, there are "
            f"{hits} hits, and the experts {named.tolist()} are loaded {loaded} times; {wrong}. "
            f"Got {result}"
        )


@exercise.agrees(points=1, proves=("lru", "hits", "hit-rate", "loads"))
def least_recently_used(rng: np.random.Generator) -> Iterator[Given]:
    """Agrees with the reference on random routings with "lru", the default."""
    for tokens, experts, top_k, size in SIZES:
        yield given(_stream(rng, tokens, experts, top_k, size, "lru"), experts, size)
    yield given(_stream(rng, 25, 6, 2, 4, "lru"), 6, cache_size=4, policy="lru")


@exercise.agrees(points=1, proves=("lfu", "hits", "hit-rate", "loads"))
def least_frequently_used(rng: np.random.Generator) -> Iterator[Given]:
    """Agrees with the reference on random routings with "lfu"."""
    for tokens, experts, top_k, size in SIZES:
        yield given(_stream(rng, tokens, experts, top_k, size, "lfu"), experts, size, "lfu")
    yield given(_runs(rng), 7, 3, "lfu")


@exercise.agrees(points=1, proves=("belady", "hits", "hit-rate", "loads"))
def furthest_in_the_future(rng: np.random.Generator) -> Iterator[Given]:
    """Agrees with the reference on random routings with "belady"."""
    for tokens, experts, top_k, size in SIZES:
        yield given(_stream(rng, tokens, experts, top_k, size, "belady"), experts, size, "belady")


@exercise.agrees(points=0.5, proves="equals")
def equals(rng: np.random.Generator) -> Iterator[Given]:
    """Among equals the lower expert goes first, whatever the slots; several may go at once."""
    for policy in POLICIES:
        for tokens, experts, top_k, size in ((40, 9, 3, 5), (40, 12, 4, 7), (30, 8, 3, 3)):
            for drift in (0.0, 0.7):
                yield given(_routing(rng, tokens, experts, top_k, drift), experts, size, policy)


@exercise.agrees(points=0.5, proves="large-cache")
def room_for_all(rng: np.random.Generator) -> Iterator[Given]:
    """In a cache with room for all experts, or for more, each is loaded once."""
    for policy in POLICIES:
        for size in (6, 7, 100):
            yield given(_routing(rng, 12, 6, 2), 9 if size > 6 else 6, size, policy)


@exercise.law(
    points=1.5, proves=("hit-rate", "wrong-arguments", "unchanged", "inputs"), hidden=True
)
def no_tokens_and_wrong_arguments(answer: Answer, rng: np.random.Generator) -> None:
    """No tokens need nothing; unknown policies, small caches and impossible indices are errors."""
    one, two, three = rng.permutation(5)[:3].tolist()
    indices = torch.tensor([[one, two], [two, three], [three, two]])
    for policy in POLICIES:
        result = answer(indices, 5, 2, policy)
        loads = torch.zeros(5, dtype=torch.int64)
        loads[[one, two, three]] = 1
        wrong = difference(result, {"hits": 3, "misses": 3, "hit_rate": 0.5, "loads": loads})
        assert not wrong, f"with three experts and a cache of two, {wrong}"
        assert not answer.left_behind, f"the call left something behind: {answer.left_behind}"
        nothing = {"hits": 0, "misses": 0, "hit_rate": 0.0, "loads": torch.zeros_like(loads)}
        wrong = difference(answer(indices[:0].clone(), 5, 2, policy), nothing)
        assert not wrong, f"for no tokens, {wrong}"
    for tokens in (indices, indices[:0]):
        for policy in ("LRU", "fifo", ""):
            for size in (2, 9):
                assert answer.raises(ValueError, tokens.clone(), 5, size, policy), (
                    "an unknown policy was accepted; it should be a ValueError"
                )
        for size in (1, 0, -1):
            assert answer.raises(ValueError, tokens.clone(), 5, size), (
                "a cache that does not hold the experts of one token was accepted; it should be a "
                "ValueError"
            )
    for wrong_index in (-1, 5, 77):
        for place in (0, 2):
            impossible = indices.clone()
            impossible[place, int(rng.integers(2))] = wrong_index
            for policy, size in (("lru", 2), ("belady", 50)):
                assert answer.raises(ValueError, impossible, 5, size, policy), (
                    "an index outside 0..E−1 was accepted; it should be a ValueError"
                )


def _stream(
    rng: np.random.Generator, tokens: int, experts: int, top_k: int, size: int, policy: str
) -> torch.Tensor:
    """A routing for which it doesn't matter which of several equal experts is evicted."""
    while True:
        indices = _routing(rng, tokens, experts, top_k)
        loads = expert_cache(indices, experts, size, policy)["loads"]
        other = expert_cache(experts - 1 - indices, experts, size, policy)["loads"]
        if torch.equal(loads, other.flip(0)):
            return indices


def _runs(rng: np.random.Generator) -> torch.Tensor:
    """Runs of one expert, for a cache of three: one comes back, and its old uses count again."""
    some = int(rng.integers(3, 7))
    names = torch.from_numpy(rng.permutation(7)[:5])
    runs = [(0, some), (1, some + 1), (2, some + 3), (3, some + 4), (0, 4), (4, 1), (0, 1), (2, 1)]
    experts, times = torch.tensor(runs).T
    return names[experts].repeat_interleave(times).unsqueeze(1)


def _routing(
    rng: np.random.Generator, tokens: int, experts: int, top_k: int, drift: float = 0.7
) -> torch.Tensor:
    """Distinct experts for each token; what is liked changes slowly from token to token."""
    mood = np.cumsum(rng.normal(size=(tokens, experts)) * drift, axis=0)
    liking = mood + rng.gumbel(size=(tokens, experts))
    return torch.from_numpy(rng.permuted(np.argsort(-liking, axis=1)[:, :top_k], axis=1))
