"""The checks of `apply_capacity`."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch

from autograder import given
from autograder.authoring.given import Given
from moe_lab.inputs import MASK_DTYPES
from moelab_kit import Answer
from moelab_kit.compare import difference
from reference.moe_routing_in_practice._earlier import lacks
from reference.moe_routing_in_practice.apply_capacity import apply_capacity, exercise

# 17,407 · 1,023 is above 2²⁴, and one more than a multiple of 1,024: float32 loses that one.
BEYOND_FLOAT32 = (17_407, 1_024, 1_023.0)


@exercise.law(points=1.5, proves=("keep", "position", "weight", "dropped"))
def two_policies(answer: Answer, rng: np.random.Generator) -> None:
    """A full expert keeps its first slots, by position or by weight."""
    indices = torch.tensor([[0, 1], [0, 2], [0, 1], [2, 0]])
    first = torch.tensor([0.6, 0.9, 0.7, 0.8]) + torch.from_numpy(rng.uniform(0, 0.05, 4)).float()
    weights = torch.stack([first, 1 - first], dim=1)
    for policy, expected in (
        ("position", [[True, True], [True, True], [False, True], [True, False]]),
        ("weight", [[False, True], [True, True], [True, True], [True, False]]),
    ):
        kept = answer(indices, weights, 4, 1.0, policy)
        assert isinstance(kept, tuple | list), "asked for a pair (keep, dropped_fraction)"
        assert len(kept) == 2, f"asked for a pair (keep, dropped_fraction), got {len(kept)} values"
        wrong = difference(kept[0], torch.tensor(expected), where="keep")
        assert not wrong, (
            f"8 slots, 4 experts and a factor of 1 give each expert 2 slots. By {policy}, {wrong}: "
            f"{kept[0]}. Expert 0 was chosen 4 times"
        )
        wrong = difference(kept[1], 0.25, where="dropped_fraction")
        assert not wrong, f"2 of 8 slots are dropped; {wrong}: {kept[1]}"


@exercise.agrees(points=1.5, proves=("keep", "position", "slots", "dropped"))
def by_position(rng: np.random.Generator) -> Iterator[Given]:
    """Agrees with the reference on random routings, by position."""
    for tokens, experts, top_k, factor in ((9, 4, 2, 0.5), (20, 5, 3, 0.75), (30, 8, 1, 1.0)):
        yield given(*_routing(rng, tokens, experts, top_k), experts, factor)
    yield given(*_routing(rng, 16, 8, 4), 8, capacity_factor=0.25, policy="position")


@exercise.agrees(points=1.5, proves=("keep", "weight", "slots", "dropped"))
def by_weight(rng: np.random.Generator) -> Iterator[Given]:
    """Agrees with the reference on random routings, by weight."""
    for tokens, experts, top_k, factor in ((9, 4, 2, 0.5), (20, 5, 3, 0.75), (30, 8, 1, 1.0)):
        yield given(*_routing(rng, tokens, experts, top_k), experts, factor, "weight")
    yield given(*_routing(rng, 16, 8, 4), 8, capacity_factor=0.25, policy="weight")


@exercise.agrees(points=1, proves="weight")
def equal_weights(rng: np.random.Generator) -> Iterator[Given]:
    """Among equal weights the earlier token stays, and within a token the earlier slot."""
    indices, _ = _routing(rng, 40, 4, 2)
    yield given(indices, torch.full((40, 2), 0.5), 4, 0.5, "weight")
    weights = torch.from_numpy(rng.choice([0.25, 0.5, 0.75], size=(40, 2))).float()
    yield given(indices, weights, 4, 0.75, "weight")
    weights = torch.from_numpy(rng.choice([0.0, 0.0, 0.5], size=(40, 2))).float()
    yield given(indices, weights, 4, 0.75, "weight")


@exercise.agrees(points=1, proves=("capacity", "infinity"))
def sizes_of_the_buffer(rng: np.random.Generator) -> Iterator[Given]:
    """The capacity is computed in the order of the formula, rounded up once; infinity keeps all."""
    popular = torch.zeros(8, 1, dtype=torch.int64)
    weights = torch.from_numpy(rng.permutation(8)[:, None] / 8).float()
    for factor in (0.125, 0.5, 1.0, 1.25, 1.5, 3.5, 100.0, math.inf):
        yield given(popular, weights, 4, factor)
    odd = torch.zeros(9, 1, dtype=torch.int64)
    for factor in (1.25, 2.0):
        yield given(odd, torch.from_numpy(rng.permutation(9)[:, None] / 9).float(), 4, factor)
    yield given(*_routing(rng, 7, 3, 2), 3, math.inf, "weight")
    for slots, experts, factor in (*_telling_orders(rng), BEYOND_FLOAT32):
        yield given(*_one_expert(rng, slots), experts, factor)


@exercise.law(points=1.5, proves=("dropped", "wrong-arguments", "unchanged", "inputs"), hidden=True)
def no_tokens_and_wrong_arguments(answer: Answer, rng: np.random.Generator) -> None:
    """No tokens drop nothing; impossible factors and policies are a ValueError."""
    indices = torch.tensor([[0], [0], [1]])
    weights = torch.from_numpy(rng.permutation([0.2, 0.5, 0.4])).float()[:, None]
    first = bool(weights[0] > weights[1])
    kept = answer(indices, weights, 2, 0.5, "weight")
    wrong = difference(list(kept), [torch.tensor([[first], [not first], [True]]), 1 / 3])
    assert not wrong, (
        "two slots chose an expert with room for one: the slot with the larger weight stays, and "
        f"one of three slots is dropped; {wrong}"
    )
    assert not answer.left_behind, f"the call left something behind: {answer.left_behind}"
    nothing = torch.zeros(0, 2, dtype=torch.int64), torch.zeros(0, 2)
    for factor, policy in ((1.0, "position"), (0.25, "weight"), (math.inf, "weight")):
        kept = answer(*nothing, 4, factor, policy)
        wrong = difference(list(kept), [torch.zeros(0, 2, dtype=torch.bool), 0.0])
        assert not wrong, f"for no tokens, {wrong}"
    for given_tokens, arguments in (("", (indices, weights, 2)), (" for no tokens", (*nothing, 4))):
        for factor in (0.0, -1.0, math.nan, -math.inf):
            assert answer.raises(ValueError, *arguments, factor), (
                f"a capacity factor that is not greater than 0 was accepted{given_tokens}; it "
                "should be a ValueError"
            )
        for factor in (1.0, math.inf):
            assert answer.raises(ValueError, *arguments, factor, "random"), (
                f"an unknown policy was accepted{given_tokens}, with the capacity factor {factor}; "
                "it should be a ValueError"
            )


@exercise.law(points=0.5, proves="choice", hidden=True)
def first_choices_first(answer: Answer, rng: np.random.Generator) -> None:
    """By choice, no second choice is served before a first one."""
    for tokens, experts, top_k, factor in (
        *((9, 4, 2, 0.5), (20, 5, 3, 0.75), (30, 8, 1, 1.0), (16, 8, 4, 0.25)),
        (5, 3, 2, math.inf),
    ):
        arguments = (*_routing(rng, tokens, experts, top_k), experts, factor)
        wrong = difference(list(answer(*arguments)), list(apply_capacity(*arguments)))
        assert not wrong, f"by position, {wrong}"
        if answer.raises(ValueError, *arguments, "choice"):
            return  # written before this policy came
        right = list(apply_capacity(*arguments, "choice"))
        wrong = difference(list(answer(*arguments, "choice")), right)
        assert not wrong, f"by choice, {wrong}"


@exercise.law(points=0.5, proves=("mask", "masks"), hidden=True)
def padding_takes_no_place(answer: Answer, rng: np.random.Generator) -> None:
    """Padding is not kept, takes no place and counts for nothing, whatever the mask's dtype."""
    for arguments, token_mask in _padded(rng):
        plain = list(apply_capacity(*arguments))
        wrong = difference(list(answer(*arguments)), plain)
        assert not wrong, f"without padding, {wrong}"
        if lacks(answer, "token_mask", *arguments, token_mask=token_mask):
            return
        indices, weights, experts, factor, policy = arguments
        right = list(apply_capacity(indices, weights, experts, factor, policy, token_mask))
        wrong = difference(list(answer(*arguments, token_mask=token_mask)), right)
        assert not wrong, f"with a mask of {token_mask.dtype}, {wrong}"


def _padded(rng: np.random.Generator) -> Iterator[tuple[tuple[Any, ...], torch.Tensor]]:
    """Arguments with their masks."""
    for policy in ("position", "weight"):
        for dtype in MASK_DTYPES:
            mask = torch.from_numpy(rng.permutation(15)) < 9
            yield (*_routing(rng, 15, 4, 2), 4, 0.75, policy), mask.to(dtype)
        yield (*_routing(rng, 7, 3, 2), 3, math.inf, policy), torch.arange(7) % 2
        yield (*_routing(rng, 7, 3, 2), 3, 0.5, policy), torch.zeros(7, dtype=torch.bool)
    for dtype, real in ((torch.bfloat16, 259), (torch.float16, 2051), (torch.int8, 259)):
        mask = torch.from_numpy(rng.permutation(real + 41)) < real  # rounds in a low precision
        yield (*_one_expert(rng, real + 41), 7, 1.0, "position"), mask.to(dtype)


def _telling_orders(rng: np.random.Generator) -> list[tuple[int, int, float]]:
    """Slots, experts and factors for which other orders of computing the capacity round otherwise.

    The formula's order is exact where the true capacity is a whole number; each other order comes
    out above a whole number for one of those drawn here, and would keep a slot too many.
    """
    orders: tuple[Callable[[int, int, float], float], ...] = (
        lambda slots, experts, factor: slots / experts * factor,
        lambda slots, experts, factor: factor / experts * slots,
    )
    told = []
    for order in orders:
        candidates = [
            (slots, experts, factor)
            for slots in range(9, 120)
            for experts in range(3, 32)
            for factor in (1.25, 1.5, 1.75, 2.5)
            if math.ceil(order(slots, experts, factor)) != math.ceil(slots * factor / experts)
        ]
        told.append(candidates[rng.integers(len(candidates))])
    return told


def _one_expert(rng: np.random.Generator, slots: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Routings [slots, 1] that all chose expert 0, with distinct weights."""
    weights = (1 + rng.permutation(slots)) / (1 + slots)
    return torch.zeros(slots, 1, dtype=torch.int64), torch.from_numpy(weights[:, None]).float()


def _routing(
    rng: np.random.Generator, tokens: int, experts: int, top_k: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Distinct experts for each token, the first ones much liked, and distinct weights."""
    liking = np.linspace(1.5, -1.5, experts) + rng.gumbel(size=(tokens, experts))
    indices = np.argsort(-liking, axis=1)[:, :top_k]
    weights = (1 + rng.permutation(tokens * top_k)) / (1 + tokens * top_k)
    return (
        torch.from_numpy(rng.permuted(indices, axis=1)),
        torch.from_numpy(weights.reshape(tokens, top_k)).float(),
    )
