"""The checks of `coactivation`."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np
import torch

from autograder import given
from autograder.authoring.given import Given
from moe_lab.inputs import MASK_DTYPES
from moelab_kit import Answer
from moelab_kit.compare import difference
from reference.moe_routing_in_practice._earlier import lacks
from reference.moe_routing_in_practice.coactivation import coactivation, exercise


@exercise.law(points=1, proves=("shares", "asymmetric", "zeros"))
def four_tokens(answer: Answer, rng: np.random.Generator) -> None:
    """Shares among the tokens of the first expert."""
    for one, two in ((2, 2), rng.integers(3, 50, size=2).tolist()):
        chosen = torch.tensor([[0, 1], [2, 0]]).repeat_interleave(torch.tensor([one, two]), dim=0)
        shares = answer(chosen[torch.from_numpy(rng.permutation(one + two))], 3)
        share = one / (one + two)
        expected = torch.tensor([[0.0, share, 1 - share], [1.0, 0.0, 0.0], [1.0, 0.0, 0.0]])
        wrong = difference(shares, expected)
        assert not wrong, (
            f"expert 0 is used by {one + two} tokens, {one} of them use expert 1 as well, {two} "
            "expert 2; experts 1 and 2 never come without expert 0. So asked for is "
            f"{expected.tolist()}; {wrong}: {shares}"
        )


@exercise.agrees(points=1.5, proves=("shares", "asymmetric", "zeros"))
def random_routings(rng: np.random.Generator) -> Iterator[Given]:
    """Agrees with the reference on random routings."""
    for tokens, experts, top_k in ((20, 4, 2), (30, 6, 3), (25, 8, 5), (4, 3, 3)):
        yield given(_routing(rng, tokens, experts, top_k), experts)
    name = torch.from_numpy(rng.permutation(3))
    yield given(name[torch.tensor([[0, 1], [2, 0], [1, 0], [0, 1]])], 3)  # one is used once


@exercise.agrees(points=1, proves="zeros")
def unused_experts(rng: np.random.Generator) -> Iterator[Given]:
    """The row of an unused expert is 0, and so is everything where a token has one expert."""
    yield given(_routing(rng, 25, 5, 2), 9)
    yield given(2 + _routing(rng, 12, 4, 3), 7)
    yield given(_routing(rng, 10, 4, 1), 4)


@exercise.law(points=1, proves=("slots", "unchanged"), hidden=True)
def order_of_slots_and_tokens(answer: Answer, rng: np.random.Generator) -> None:
    """Neither the order of a token's slots nor the order of the tokens matters."""
    indices = _routing(rng, 16, 5, 3)
    used = torch.zeros(16, 5).scatter_(1, indices, 1.0)
    shares = answer(indices, 5)
    assert not answer.left_behind, f"the call left something behind: {answer.left_behind}"
    for first, second in itertools.permutations(range(5), 2):
        mine = used[:, first].sum()
        both = (used[:, first] * used[:, second]).sum()
        expected = both / mine if mine > 0 else torch.tensor(0.0)
        wrong = difference(shares[first, second].item(), expected.item(), where="a share")
        assert not wrong, (
            f"of the tokens that use one expert, count those that also use the other; {wrong}"
        )
    for other in (indices.flip(0), indices.flip(1), indices.roll(1, dims=1)):
        wrong = difference(answer(other, 5), shares)
        assert not wrong, f"with tokens or slots in another order, {wrong}"


@exercise.law(points=0.5, proves=("mask", "masks"), hidden=True)
def padding(answer: Answer, rng: np.random.Generator) -> None:
    """Padding counts for nothing, whatever the dtype of the mask."""
    for (tokens, experts, top_k), real, dtypes in (
        ((24, 5, 3), 15, MASK_DTYPES),
        ((12, 5, 2), 0, (torch.bool, torch.float32)),
        ((2441, 3, 2), 2400, (torch.bfloat16, torch.int8)),  # rounds in a low precision
        ((9041, 3, 2), 9000, (torch.float16,)),
    ):
        for dtype in dtypes:
            indices = _routing(rng, tokens, experts, top_k)
            wrong = difference(answer(indices, experts), coactivation(indices, experts))
            assert not wrong, f"without padding, {wrong}"
            mask = (torch.from_numpy(rng.permutation(tokens)) < real).to(dtype)
            if lacks(answer, "token_mask", indices, experts, token_mask=mask):
                return
            right = coactivation(indices, experts, mask)
            wrong = difference(answer(indices, experts, token_mask=mask), right)
            assert not wrong, f"only real tokens count; with a mask of {dtype}, {wrong}"


def _routing(rng: np.random.Generator, tokens: int, experts: int, top_k: int) -> torch.Tensor:
    """Distinct experts for each token, in any order; all are used, the first ones most."""
    in_turn = (np.arange(experts)[:, None] + np.arange(top_k)) % experts
    liking = np.linspace(2.0, -1.0, experts) + rng.gumbel(size=(tokens - experts, experts))
    chosen = np.concatenate([in_turn, np.argsort(-liking, axis=1)[:, :top_k]])
    return torch.from_numpy(rng.permuted(chosen, axis=1))
