r"""# Expert co-activation

Do experts work alone or in teams? Two experts that are always selected together could as well be
one; and if they live on different machines, each of their tokens has to travel to both.

Write `coactivation(indices, num_experts)` for routing decisions `indices` ([T, k], int64; a token's
experts are distinct). The result $A$ has an entry for each pair of experts:

$$A_{ij} = \frac{|\{t : i \in S_t \text{ and } j \in S_t\}|}{|\{t : i \in S_t\}|} \qquad (i \ne j)$$

where $S_t$ holds the experts of token $t$.

- [shares] The result is a float32 tensor [E, E]. Entry (i, j) is, of the tokens that use expert i,
  the share that also use expert j.
- [slots] It does not matter in which slots of a token the two experts are.
- [asymmetric] The matrix is not symmetric: a rare expert may always come with a popular one, and
  not vice versa.
- [zeros] The diagonal is 0, and so is the row of an expert that no token uses.
- [unchanged] `indices` is not changed.

Source: Muennighoff et al., *OLMoE: Open Mixture-of-Experts Language Models* (2024), section 5.2.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np
import torch

from autograder import Exercise, given
from autograder.authoring.given import Given
from moelab_kit import Answer
from moelab_kit.compare import difference

exercise = Exercise("coactivation")


@exercise.solution
def coactivation(indices: torch.Tensor, num_experts: int) -> torch.Tensor:
    """Return, for each pair of experts, how often the second is used where the first is.

    `indices` is [T, k]; the result is float32 [E, E], with zeros on the diagonal and in the rows of
    unused experts.
    """
    used = torch.zeros(len(indices), num_experts, dtype=torch.float64)
    used.scatter_(1, indices, 1.0)
    together = used.T @ used
    tokens = together.diagonal().clone().clamp(min=1.0)
    return (together / tokens.unsqueeze(1)).fill_diagonal_(0.0).float()


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


@exercise.agrees(points=2, proves=("shares", "asymmetric", "zeros"))
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


def _routing(rng: np.random.Generator, tokens: int, experts: int, top_k: int) -> torch.Tensor:
    """Distinct experts for each token, in any order; all are used, the first ones most."""
    in_turn = (np.arange(experts)[:, None] + np.arange(top_k)) % experts
    liking = np.linspace(2.0, -1.0, experts) + rng.gumbel(size=(tokens - experts, experts))
    chosen = np.concatenate([in_turn, np.argsort(-liking, axis=1)[:, :top_k]])
    return torch.from_numpy(rng.permuted(chosen, axis=1))


@exercise.wheat
def pair_by_pair(indices: torch.Tensor, num_experts: int) -> torch.Tensor:
    """Counts pairs in a loop over the tokens."""
    pairs = np.zeros((num_experts, num_experts))
    alone = np.zeros(num_experts)
    for row in indices.tolist():
        for i in row:
            alone[i] += 1
        for i, j in itertools.permutations(row, 2):
            pairs[i, j] += 1
    shares = np.divide(pairs, alone[:, None], out=np.zeros_like(pairs), where=alone[:, None] > 0)
    return torch.from_numpy(shares).float()


@exercise.wheat
def from_one_hot(indices: torch.Tensor, num_experts: int) -> torch.Tensor:
    """One-hot slots, an einsum, and NaN turned into 0."""
    one_hot = torch.nn.functional.one_hot(indices, num_experts).sum(dim=1).float()
    counts = torch.einsum("ti,tj->ij", one_hot, one_hot)
    shares = torch.nan_to_num(counts / torch.diag(counts)[:, None])
    return shares * (1 - torch.eye(num_experts))


@exercise.chaff(caught_by=(four_tokens, random_routings, unused_experts))
def one_on_the_diagonal(indices: torch.Tensor, num_experts: int) -> torch.Tensor:
    """Leaves the diagonal in: every used expert is used along with itself. It should be 0."""
    shares = coactivation(indices, num_experts)
    used = torch.bincount(indices.flatten(), minlength=num_experts) > 0
    return shares + torch.diag(used.float())


@exercise.chaff(caught_by=(four_tokens, random_routings, unused_experts, order_of_slots_and_tokens))
def divides_by_the_second(indices: torch.Tensor, num_experts: int) -> torch.Tensor:
    """Divides by the tokens of expert j, which gives the transposed matrix."""
    return coactivation(indices, num_experts).T.contiguous()


@exercise.chaff(caught_by=(four_tokens, random_routings, unused_experts, order_of_slots_and_tokens))
def share_of_all_tokens(indices: torch.Tensor, num_experts: int) -> torch.Tensor:
    """Divides by all tokens. The exercise asks for the share of the tokens that use expert i."""
    used = torch.bincount(indices.flatten(), minlength=num_experts).float()
    return coactivation(indices, num_experts) * used.unsqueeze(1) / len(indices)


@exercise.chaff(caught_by=(random_routings, unused_experts, order_of_slots_and_tokens))
def share_of_the_partners(indices: torch.Tensor, num_experts: int) -> torch.Tensor:
    """Makes each row add up to 1. A token with k experts has k − 1 partners, not one."""
    shares = coactivation(indices, num_experts)
    return shares / shares.sum(dim=1, keepdim=True).clamp(min=1.0)


@exercise.chaff(caught_by=(random_routings, unused_experts, order_of_slots_and_tokens))
def first_two_slots_only(indices: torch.Tensor, num_experts: int) -> torch.Tensor:
    """Looks at the first two slots of each token only."""
    shares = coactivation(indices[:, :2], num_experts)
    first = torch.bincount(indices[:, :2].flatten(), minlength=num_experts).float()
    every = torch.bincount(indices.flatten(), minlength=num_experts).float()
    return shares * (first / every.clamp(min=1.0)).unsqueeze(1)


@exercise.chaff(caught_by=(four_tokens, random_routings, unused_experts, order_of_slots_and_tokens))
def in_the_order_of_slots(indices: torch.Tensor, num_experts: int) -> torch.Tensor:
    """Counts a pair only where expert i stands before expert j."""
    pairs = torch.zeros(num_experts, num_experts)
    for row in indices.tolist():
        for i, j in itertools.combinations(row, 2):
            pairs[i, j] += 1
    used = torch.bincount(indices.flatten(), minlength=num_experts).clamp(min=1)
    return pairs / used.unsqueeze(1)


@exercise.chaff(caught_by=unused_experts)
def nan_for_unused_experts(indices: torch.Tensor, num_experts: int) -> torch.Tensor:
    """Divides by zero tokens in the row of an unused expert: its shares are 0."""
    shares = coactivation(indices, num_experts)
    used = torch.bincount(indices.flatten(), minlength=num_experts)
    return shares / (used > 0).float().unsqueeze(1)


@exercise.chaff(caught_by=order_of_slots_and_tokens)
def sorts_in_place(indices: torch.Tensor, num_experts: int) -> torch.Tensor:
    """Sorts each token's experts in the caller's own tensor: sort a copy."""
    shares = coactivation(indices, num_experts)
    indices.copy_(indices.sort(dim=1).values)
    return shares


# Changes that `moelab verify --mutants` makes, and that no check can see.
exercise.equivalent(
    "used = torch.zeros(len(indices), num_experts, dtype=torch.float64)",
    "used = torch.zeros(len(indices), num_experts, dtype=None)",
    "used = torch.zeros(len(indices), num_experts, )",
    because="Whole numbers below 2**24 are exact in float32, too.",
)
exercise.equivalent(
    "used.scatter_(1, indices, 1.0)",
    "used.scatter_(1, indices, 2.0)",
    because="The factor is in both parts of the share.",
)
exercise.equivalent(
    "tokens = together.diagonal().clone().clamp(min=1.0)",
    "tokens = together.diagonal().clamp(min=1.0)",
    because="clamp makes a copy.",
)
