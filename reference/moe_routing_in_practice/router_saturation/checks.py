"""The checks of `router_saturation`."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch

from autograder import given
from autograder.authoring.given import Given
from moe_lab.inputs import MASK_DTYPES
from moelab_kit import Answer
from moelab_kit.compare import difference
from reference.moe_routing_in_practice._earlier import lacks
from reference.moe_routing_in_practice.router_saturation import exercise, router_saturation


@exercise.law(points=1, proves="mean")
def same_and_different(answer: Answer, rng: np.random.Generator) -> None:
    """1 for the same choices, 0 for other ones, and something in between."""
    named = torch.from_numpy(rng.choice(64, size=4, replace=False))
    first = named[torch.tensor([[0, 1], [2, 3]])]
    for second, expected in (
        ([[0, 1], [2, 3]], 1.0),
        ([[2, 3], [0, 1]], 0.0),
        ([[0, 2], [2, 3]], 0.75),
    ):
        later = named[torch.tensor(second)]
        value = answer(first, later)
        wrong = difference(value, expected, where="the saturation")
        assert not wrong, (
            f"for {first.tolist()} and {later.tolist()} asked for is {expected}; {wrong}: {value}"
        )


@exercise.agrees(points=0.5, proves="mean")
def random_routings(rng: np.random.Generator) -> Iterator[Given]:
    """Agrees with the reference on random routings."""
    for tokens, experts, top_k in ((12, 6, 2), (30, 8, 3), (1, 5, 4), (9, 4, 1)):
        yield given(_routing(rng, tokens, experts, top_k), _routing(rng, tokens, experts, top_k))


@exercise.law(points=1, proves=("order", "unchanged"), hidden=True)
def order_does_not_matter(answer: Answer, rng: np.random.Generator) -> None:
    """The order of a token's experts does not matter, and no input is changed."""
    first = _routing(rng, 8, 9, 4)
    second = first.clone()
    second[:3] = _routing(rng, 3, 9, 4)
    first[3], second[3] = torch.tensor([3, 0, 2, 1]), torch.tensor([4, 1, 3, 2])
    plain = answer(first, second)
    common = sum(len(set(a) & set(b)) for a, b in zip(first.tolist(), second.tolist(), strict=True))
    wrong = difference(plain, common / 32, where="the saturation")
    assert not wrong, (
        f"count the experts that a token's two choices have in common, divide by k; {wrong}"
    )
    for other in (second.flip(1), second.roll(1, dims=1)):
        wrong = difference(answer(first, other), common / 32, where="the saturation")
        assert not wrong, f"with the experts of each token in another order, {wrong}"
        assert not answer.left_behind, f"the call left something behind: {answer.left_behind}"


@exercise.law(points=1, proves="wrong-arguments", hidden=True)
def wrong_arguments(answer: Answer) -> None:
    """ValueError for different shapes and for no tokens."""
    first = torch.tensor([[0, 1, 2], [4, 5, 6]])
    second = torch.tensor([[0, 1, 7], [8, 9, 6]])
    wrong = difference(answer(first, second), 0.5, where="the saturation")
    assert not wrong, f"half of the experts are the same; {wrong}"
    for other in (second[:1], second[:, :2], second[:, :1], second.reshape(3, 2)):
        assert answer.raises(ValueError, first, other.clone()), (
            "two routings of different shapes were accepted; they should be a ValueError"
        )
    nothing = torch.zeros(0, 3, dtype=torch.int64)
    assert answer.raises(ValueError, nothing, nothing.clone()), (
        "no tokens were accepted; they should be a ValueError"
    )


@exercise.law(points=0.5, proves=("mask", "masks"), hidden=True)
def padding(answer: Answer, rng: np.random.Generator) -> None:
    """Padding counts for nothing, whatever the dtype of the mask; no real token is an error."""
    for real, tokens, dtypes in (
        (7, 12, MASK_DTYPES),
        (259, 300, (torch.bfloat16, torch.int8)),  # rounds in a low precision
        (2051, 2092, (torch.float16,)),
    ):
        for dtype in dtypes:
            first, second = _routing(rng, tokens, 6, 2), _routing(rng, tokens, 6, 2)
            value = router_saturation(first, second)
            wrong = difference(answer(first, second), value, where="the saturation")
            assert not wrong, f"without padding, {wrong}"
            mask = torch.from_numpy(rng.permutation(tokens)) < real
            if lacks(answer, "token_mask", first, second, token_mask=mask.to(dtype)):
                return
            pairs = zip(first.tolist(), second.tolist(), mask.tolist(), strict=True)
            common = sum(len(set(a) & set(b)) for a, b, kept in pairs if kept)
            value = answer(first, second, token_mask=mask.to(dtype))
            wrong = difference(value, common / (2 * real), where="the saturation")
            assert not wrong, f"only real tokens count; with a mask of {dtype}, {wrong}"
    for nobody in (torch.zeros(12, dtype=torch.bool), torch.zeros(12)):
        routing = _routing(rng, 12, 6, 2)
        assert answer.raises(ValueError, routing, routing.clone(), token_mask=nobody), (
            "a batch without any real token was accepted; it should be a ValueError"
        )


def _routing(rng: np.random.Generator, tokens: int, experts: int, top_k: int) -> torch.Tensor:
    """Distinct experts for each token, in any order."""
    order = rng.permuted(np.tile(np.arange(experts), (tokens, 1)), axis=1)
    return torch.from_numpy(order[:, :top_k].copy())
