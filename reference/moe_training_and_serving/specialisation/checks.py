"""The checks of `specialisation`."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import torch

from autograder import given
from autograder.authoring.given import Given
from moelab_kit import Answer
from moelab_kit.compare import difference, kind_of
from reference.moe_training_and_serving.specialisation import exercise


@exercise.law(points=2, proves=("share", "lift", "mutual-information", "top-expert"))
def two_perfect_specialists(answer: Answer, rng: np.random.Generator) -> None:
    """Two labels whose tokens share no expert: the experts give the label away"""
    first, second = (int(size) for size in rng.integers(2, 12, size=2))
    a, b, c, d = (int(expert) for expert in rng.permutation(5)[:4])
    order = torch.from_numpy(rng.permutation(first + second))
    indices = torch.tensor([[a, b]] * first + [[c, d]] * second)[order]
    labels = torch.tensor([0] * first + [1] * second)[order]
    result = answer(indices, labels, 5, 2)
    assert isinstance(result, dict), f"asked for a dict, got {kind_of(result)}"
    share = torch.zeros(2, 5)
    share[0, [a, b]] = share[1, [c, d]] = 1.0
    lift = torch.ones(2, 5)
    total = first + second
    lift[0, [a, b]], lift[1, [c, d]] = total / first, total / second
    lift[0, [c, d]] = lift[1, [a, b]] = 0.0
    p = first / total
    entropy = -p * math.log2(p) - (1 - p) * math.log2(1 - p)
    told = (
        f"the {first} tokens of label 0 use the experts {a} and {b}, the {second} of label 1 {c} "
        f"and {d}"
    )
    for key, right in (
        ("share", share),
        ("lift", lift),
        ("mutual_information", entropy),
        ("top_expert", torch.tensor([min(a, b), min(c, d)])),
    ):
        assert key in result, f"the key {key!r} is missing"
        wrong = difference(result[key], right, where=f"{key!r}")
        shown = right.tolist() if isinstance(right, torch.Tensor) else f"{right:.4f} bits"
        assert not wrong, f"{told}; so {key!r} should be {shown}: {wrong}"


@exercise.law(points=1, proves=("lift", "mutual-information"))
def nothing_to_tell(answer: Answer, rng: np.random.Generator) -> None:
    """Every label uses the experts alike: all lifts are 1, and the mutual information is 0"""
    rows = [(0, 1), (2, 0), (1, 3), (3, 2), (0, 3), (0, 2)]
    table = torch.tensor([rows[place] for place in rng.permutation(6)[:4]])
    counts = [int(count) for count in rng.integers(1, 6, size=3)]
    labels = torch.cat([torch.full((4 * count,), d) for d, count in enumerate(counts)])
    result = answer(table.repeat(sum(counts), 1), labels, 4, 3)
    assert isinstance(result, dict), f"asked for a dict, got {kind_of(result)}"
    share = torch.zeros(4, 4).scatter(1, table, 1.0).mean(0).expand(3, 4)
    for key, right in (("share", share), ("lift", torch.ones(3, 4)), ("mutual_information", 0.0)):
        assert key in result, f"the key {key!r} is missing"
        wrong = difference(result[key], right, where=f"{key!r}")
        assert not wrong, f"the tokens of all three labels use the same experts alike; {wrong}"


@exercise.agrees(points=2, proves=("share", "lift", "mutual-information", "top-expert"))
def random_routings(rng: np.random.Generator) -> Iterator[Given]:
    """Agrees with the reference on random routings with favourites"""
    for tokens, experts, top_k, labels in (
        (40, 6, 2, 3),
        (25, 9, 3, 4),
        (30, 4, 1, 2),
        (7, 3, 3, 2),
    ):
        yield given(*_routing(rng, tokens, experts, top_k, labels), experts, labels)
    yield given(torch.tensor([[1, 0]]), torch.tensor([0]), 2, 1)


@exercise.agrees(points=1, proves="left-out")
def left_out(rng: np.random.Generator) -> Iterator[Given]:
    """Tokens with label −1 take no part in anything"""
    for share in (0.2, 0.6):
        while True:
            indices, labels = _routing(rng, 60, 6, 2, 3)
            out = torch.from_numpy(rng.random(60)) < share
            other = torch.tensor([5, 4]).expand(60, 2)
            indices = torch.where(out[:, None], other, indices)
            labels = torch.where(out, -1, labels)
            if _favourites_are_clear(indices, labels, 6, 3):
                break
        yield given(indices, labels, 6, num_labels=3)


@exercise.agrees(points=1, proves=("lift-of-nothing", "top-expert", "share", "ties"))
def labels_and_experts_without_tokens(rng: np.random.Generator) -> Iterator[Given]:
    """A label may have no token, an expert no use, and a label two favourites"""
    for empty in (0, 2, 3):
        indices, labels = _routing(rng, 30, 5, 2, 4)
        kept = labels != empty
        yield given(indices[kept] + 1, labels[kept], 8, 4)
    high, low = sorted((int(e) for e in rng.permutation(7)[:2]), reverse=True)
    yield given(torch.tensor([[high], [low], [high], [low], [7]]), torch.zeros(5).long(), 9, 2)


@exercise.law(points=1, proves=("no-token", "errors", "inputs"), hidden=True)
def no_token_and_wrong_arguments(answer: Answer, rng: np.random.Generator) -> None:
    """Without a labelled token nothing is known; a label or an index out of range is an error"""
    while True:
        indices, labels = _routing(rng, 12, 5, 2, 3)
        labels[3] = -1
        if _favourites_are_clear(indices, labels, 5, 3):
            break
    right = exercise.solution_function(indices, labels, 5, 3)
    wrong = difference(answer(indices, labels, 5, 3), right)
    assert not wrong, f"tokens without a label are left out; {wrong}"
    assert not answer.left_behind, f"the call left something behind: {answer.left_behind}"
    nothing = {
        "share": torch.zeros(3, 5),
        "lift": torch.ones(3, 5),
        "mutual_information": 0.0,
        "top_expert": torch.full((3,), -1),
    }
    for rows in (indices, indices[:0]):
        wrong = difference(answer(rows, torch.full((len(rows),), -1), 5, 3), nothing)
        assert not wrong, f"without a labelled token there is nothing to know; {wrong}"
    for label in (-2, 3, 100):
        assert answer.raises(ValueError, indices, _with(labels, 5, label), 5, 3), (
            "a label outside −1..num_labels − 1 was accepted; it should be a ValueError"
        )
    for index in (-1, 5, 100):
        for place in (3, 7):
            bad = indices.clone()
            bad[place, 1] = index
            assert answer.raises(ValueError, bad, labels, 5, 3), (
                "an index outside 0..E − 1 was accepted (tokens that are left out have to be in "
                "range, too); it should be a ValueError"
            )


def _favourites_are_clear(
    indices: torch.Tensor, labels: torch.Tensor, experts: int, num_labels: int
) -> bool:
    """Whether every label has a single expert that its tokens use most."""
    for label in range(num_labels):
        counts = torch.bincount(indices[labels == label].flatten(), minlength=experts)
        first, second = counts.topk(2).values.tolist()
        if first == second:
            return False
    return True


def _with(labels: torch.Tensor, place: int, label: int) -> torch.Tensor:
    changed = labels.clone()
    changed[place] = label
    return changed


def _routing(
    rng: np.random.Generator, tokens: int, experts: int, top_k: int, labels: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Choices of distinct experts that lean on the label, and labels of different frequency."""
    often = np.arange(1, labels + 1) / (labels * (labels + 1) / 2)
    drawn = np.concatenate([np.arange(labels), rng.choice(labels, tokens - labels, p=often)])
    weights = rng.dirichlet(np.full(experts, 1.5), size=labels) + 0.02
    rows = [
        rng.choice(experts, top_k, replace=False, p=weights[d] / weights[d].sum()) for d in drawn
    ]
    return torch.from_numpy(np.array(rows)), torch.from_numpy(drawn)
