r"""# Router saturation

During training, routing settles early: after a small part of the run a token already goes to most
of the experts that it will go to in the end. *Router saturation* measures that: route the same
tokens with two checkpoints, and compare the choices.

Write `router_saturation(indices_a, indices_b)` for two routings of the same T tokens, both [T, k]
and int64. It returns the mean over the tokens of

$$\frac{|A_t \cap B_t|}{k}$$

where $A_t$ and $B_t$ are the sets of a token's experts in the two routings.

- [mean] The result is a number between 0 and 1: the mean over the tokens of the share of a token's
  experts that both routings have in common.
- [order] The order of a token's experts does not matter: `[3, 5]` and `[5, 3]` are the same choice.
- [wrong-arguments] `ValueError` for two tensors of different shapes, and for T = 0.
- [unchanged] The inputs are not changed.

Source: Muennighoff et al., *OLMoE: Open Mixture-of-Experts Language Models* (2024), section 5.1.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch

from autograder import Exercise, given
from autograder.authoring.given import Given
from moelab_kit import Answer
from moelab_kit.compare import difference

exercise = Exercise("router_saturation")


@exercise.solution
def router_saturation(indices_a: torch.Tensor, indices_b: torch.Tensor) -> float:
    """Return the mean share of a token's experts that two routings have in common.

    Both are [T, k]. Raises `ValueError` for different shapes and for T = 0.
    """
    if indices_a.shape != indices_b.shape:
        raise ValueError(f"the shapes differ: {indices_a.shape} and {indices_b.shape}")
    if len(indices_a) == 0:
        raise ValueError("there are no tokens to compare")
    common = indices_a.unsqueeze(2) == indices_b.unsqueeze(1)
    return float(common.sum()) / indices_a.numel()


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


@exercise.agrees(points=1, proves="mean")
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


def _routing(rng: np.random.Generator, tokens: int, experts: int, top_k: int) -> torch.Tensor:
    """Distinct experts for each token, in any order."""
    order = rng.permuted(np.tile(np.arange(experts), (tokens, 1)), axis=1)
    return torch.from_numpy(order[:, :top_k].copy())


@exercise.wheat
def with_sets(indices_a: torch.Tensor, indices_b: torch.Tensor) -> float:
    """Python's sets, token by token."""
    if indices_a.size() != indices_b.size() or indices_a.size(0) < 1:
        raise ValueError("two routings of the same tokens, please")
    shares = [
        len(set(a).intersection(b)) / len(a)
        for a, b in zip(indices_a.tolist(), indices_b.tolist(), strict=True)
    ]
    return sum(shares) / len(shares)


@exercise.wheat
def with_one_hot(indices_a: torch.Tensor, indices_b: torch.Tensor) -> torch.Tensor:
    """Multiplies multi-hot rows; a tensor as the number."""
    if indices_a.shape != indices_b.shape:
        raise ValueError("different shapes")
    if indices_a.numel() == 0:
        raise ValueError("no tokens")
    experts = int(max(indices_a.max(), indices_b.max())) + 1
    one = torch.nn.functional.one_hot(indices_a, experts).sum(dim=1)
    two = torch.nn.functional.one_hot(indices_b, experts).sum(dim=1)
    return ((one * two).sum(dim=1) / indices_a.shape[1]).mean()


@exercise.chaff(caught_by=(random_routings, order_does_not_matter))
def slot_by_slot(indices_a: torch.Tensor, indices_b: torch.Tensor) -> float:
    """Compares slot with slot, so that the same experts in another order count as different."""
    router_saturation(indices_a, indices_b)
    return float((indices_a == indices_b).float().mean())


@exercise.chaff(
    caught_by=(same_and_different, random_routings, order_does_not_matter, wrong_arguments)
)
def jaccard(indices_a: torch.Tensor, indices_b: torch.Tensor) -> float:
    """Divides by the size of the union. The exercise asks for a share of the k experts."""
    router_saturation(indices_a, indices_b)
    common = (indices_a.unsqueeze(2) == indices_b.unsqueeze(1)).sum(dim=(1, 2))
    return float((common / (2 * indices_a.shape[1] - common)).mean())


@exercise.chaff(
    caught_by=(same_and_different, random_routings, order_does_not_matter, wrong_arguments)
)
def same_set_or_nothing(indices_a: torch.Tensor, indices_b: torch.Tensor) -> float:
    """Counts only tokens whose experts are all the same; each common expert counts."""
    router_saturation(indices_a, indices_b)
    same = indices_a.sort(dim=1).values == indices_b.sort(dim=1).values
    return float(same.all(dim=1).float().mean())


@exercise.chaff(caught_by=(random_routings, order_does_not_matter, wrong_arguments))
def sorted_slots(indices_a: torch.Tensor, indices_b: torch.Tensor) -> float:
    """Sorts and then compares slot with slot: one expert more or less shifts all the others."""
    router_saturation(indices_a, indices_b)
    return float((indices_a.sort(dim=1).values == indices_b.sort(dim=1).values).float().mean())


@exercise.chaff(
    caught_by=(same_and_different, random_routings, order_does_not_matter, wrong_arguments)
)
def number_of_common_experts(indices_a: torch.Tensor, indices_b: torch.Tensor) -> float:
    """Returns how many experts are in common without dividing by k."""
    return router_saturation(indices_a, indices_b) * indices_a.shape[1]


@exercise.chaff(caught_by=wrong_arguments)
def compares_what_it_can(indices_a: torch.Tensor, indices_b: torch.Tensor) -> float:
    """Lets tensors of different shapes broadcast, or cuts them to the shorter one."""
    tokens = min(len(indices_a), len(indices_b))
    slots = min(indices_a.shape[1], indices_b.shape[1])
    return router_saturation(indices_a[:tokens, :slots], indices_b[:tokens, :slots])


@exercise.chaff(caught_by=wrong_arguments)
def zero_without_tokens(indices_a: torch.Tensor, indices_b: torch.Tensor) -> float:
    """Returns 0.0 for no tokens. That is a ValueError."""
    if len(indices_a) == 0 and len(indices_b) == 0:
        return 0.0
    return router_saturation(indices_a, indices_b)


@exercise.chaff(caught_by=order_does_not_matter)
def sorts_in_place(indices_a: torch.Tensor, indices_b: torch.Tensor) -> float:
    """Sorts each token's experts in the caller's own tensors: sort copies."""
    value = router_saturation(indices_a, indices_b)
    for indices in (indices_a, indices_b):
        indices.copy_(indices.sort(dim=1).values)
    return value


# Changes that `moelab verify --mutants` makes, and that no check can see.
exercise.equivalent(
    "if len(indices_a) == 0:",
    "if len(indices_a) <= 0:",
    because="A count is never negative.",
)
