"""The checks of `load_metrics`."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch

from autograder import given
from autograder.authoring.given import Given
from moe_lab.inputs import MASK_DTYPES
from moelab_kit import Answer
from moelab_kit.compare import difference
from reference.moe_routing_in_practice.load_metrics import exercise


@exercise.law(
    points=1.5,
    proves=("counts", "max-violation", "cv-squared", "entropy", "gini", "dead", "numbers"),
)
def balanced_and_collapsed(answer: Answer, rng: np.random.Generator) -> None:
    """A balanced load, one that fell on a single expert, and one in between."""
    keys = ("max_violation", "cv_squared", "entropy", "gini")
    for indices, counts, values, dead in (
        ([[0, 1], [2, 3]], [1, 1, 1, 1], (0.0, 0.0, 1.0, 0.0), []),
        ([[2], [2], [2]], [0, 0, 3, 0], (3.0, 3.0, 0.0, 0.75), [0, 1, 3]),
        ([[0, 1], [0, 1]], [2, 2, 0, 0], (1.0, 1.0, 0.5, 0.5), [2, 3]),
    ):
        times = int(rng.integers(2, 400))
        metrics = answer(torch.tensor(indices).repeat(times, 1), 4)
        assert isinstance(metrics, dict), f"asked for a dict, got {type(metrics).__name__}"
        expected = {
            "counts": times * torch.tensor(counts),
            **dict(zip(keys, values, strict=True)),
            "dead_experts": dead,
        }
        wrong = difference(metrics, expected)
        assert not wrong, (
            f"for {times} times the indices {indices} and 4 experts, {wrong}. The counts are "
            f"{times} times {counts}; {', '.join(keys)} are {values}, and the dead experts "
            f"{dead}. Got {metrics}"
        )


@exercise.agrees(
    points=2.5, proves=("counts", "max-violation", "cv-squared", "entropy", "gini", "dead")
)
def random_routings(rng: np.random.Generator) -> Iterator[Given]:
    """Agrees with the reference on random routings, with and without dead experts."""
    for tokens, experts, top_k in ((9, 4, 2), (20, 6, 1), (40, 8, 3), (7, 32, 4), (3, 2, 1)):
        yield given(_routing(rng, tokens, experts, top_k), experts)
    yield given(torch.tensor([[0, 1], [1, 2], [2, 0]]), 4)


@exercise.agrees(points=1.5, proves=("mask", "masks"))
def padding(rng: np.random.Generator) -> Iterator[Given]:
    """Padding is not counted, whatever the dtype of the mask."""
    for dtype in MASK_DTYPES:
        mask = torch.from_numpy(rng.permutation(11)) < 6
        yield given(_routing(rng, 11, 5, 2), 5, token_mask=mask.to(dtype))
    for dtype, real in ((torch.bfloat16, 259), (torch.float16, 2051), (torch.int8, 259)):
        mask = torch.from_numpy(rng.permutation(real + 41)) < real  # rounds in a low precision
        yield given(_routing(rng, real + 41, 6, 3), 6, mask.to(dtype))


@exercise.law(points=1, proves="no-token", hidden=True)
def no_routed_token(answer: Answer) -> None:
    """Without a routed token the counts are 0, the entropy is 1.0 and every expert is dead."""
    indices = torch.tensor([[0, 2], [2, 1]])
    some = {"counts": torch.tensor([0, 1, 1]), "max_violation": 0.5, "dead_experts": [0]}
    wrong = difference(answer(indices, 3, torch.tensor([False, True])), some)
    assert not wrong, f"with one real token, {wrong}"
    nothing = {
        "counts": torch.zeros(3, dtype=torch.int64),
        "max_violation": 0.0,
        "cv_squared": 0.0,
        "entropy": 1.0,
        "gini": 0.0,
        "dead_experts": [0, 1, 2],
    }
    wrong = difference(answer(indices, 3, torch.tensor([False, False])), nothing)
    assert not wrong, f"with no real token, {wrong}"
    wrong = difference(answer(torch.zeros(0, 2, dtype=torch.int64), 3), nothing)
    assert not wrong, f"with no token at all, {wrong}"


@exercise.law(points=1.5, proves=("wrong-arguments", "inputs"), hidden=True)
def wrong_arguments(answer: Answer) -> None:
    """ValueError for an impossible index and for fewer than two experts; inputs are unchanged."""
    indices = torch.tensor([[1, 0], [1, 2]])
    wrong = difference(answer(indices, 3), {"counts": torch.tensor([1, 2, 1]), "dead_experts": []})
    assert not wrong, f"counts are slots per expert, those without a slot are dead; {wrong}"
    assert not answer.left_behind, f"the call left something behind: {answer.left_behind}"
    for impossible, experts in (([[0, 3]], 3), ([[0, 1], [7, 2]], 4), ([[-1, 1]], 4)):
        assert answer.raises(ValueError, torch.tensor(impossible), experts), (
            "an index outside 0..E−1 was accepted; it should be a ValueError"
        )
    for tokens in (3, 0):
        assert answer.raises(ValueError, torch.zeros(tokens, 1, dtype=torch.int64), 1), (
            "a single expert was accepted; it should be a ValueError"
        )


def _routing(rng: np.random.Generator, tokens: int, experts: int, top_k: int) -> torch.Tensor:
    """Distinct experts for each token; the first experts are much liked, the last rarely used."""
    liking = np.linspace(6.0, -2.0, experts)
    noise = rng.gumbel(size=(tokens, experts))
    return torch.from_numpy(np.argsort(-(liking + noise), axis=1)[:, :top_k].copy())
