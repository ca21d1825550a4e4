"""The checks of `balance_with_bias`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch

from autograder import given
from autograder.authoring.given import Given
from moelab_kit import Answer
from moelab_kit.compare import difference, kind_of
from reference.moe_training_and_serving.balance_with_bias import exercise

_CLEAR = 4e-3  # between the last biased score that is chosen and the next
_HALVES = (torch.bfloat16, torch.float16)


@exercise.law(points=1.5, proves=("next-step", "counts", "bias", "max-violation"))
def two_steps_by_hand(answer: Answer, rng: np.random.Generator) -> None:
    """Two steps of three experts, of which all tokens prefer the same one"""
    tokens = 3 * int(rng.integers(2, 9))
    first, second, third = (int(expert) for expert in rng.permutation(3))
    scores = torch.zeros(2, tokens, 3)
    scores[:, :, first], scores[:, :, second], scores[:, :, third] = 0.9, 0.5, 0.1
    scores += torch.from_numpy(rng.uniform(-0.02, 0.02, size=scores.shape)).float()
    result = answer(scores, 1, 0.25)
    assert isinstance(result, dict), f"asked for a dict, got {kind_of(result)}"
    counts = torch.zeros(2, 3, dtype=torch.int64)
    counts[0, first] = counts[1, second] = tokens
    biases = torch.zeros(3, 3)
    biases[1] = 0.25
    biases[1, first] = -0.25
    biases[2, third] = 0.5
    told = (
        f"all {tokens} tokens score expert {first} about 0.9, {second} 0.5 and {third} 0.1, and "
        f"top_k=1. At step 0 all choose {first}, so its bias becomes −0.25 and those of the others "
        f"0.25; at step 1 all choose {second}, with 0.75 against 0.65"
    )
    for key, right in (
        ("counts", counts),
        ("bias", biases),
        ("max_violation", torch.tensor([2.0, 2.0])),
    ):
        assert key in result, f"the key {key!r} is missing"
        wrong = difference(result[key], right, where=f"{key!r}")
        assert not wrong, f"{told}; so {key!r} should be {right.tolist()}: {wrong}"


@exercise.law(points=1, proves=("global-violation", "mean"))
def balance_is_left_alone(answer: Answer, rng: np.random.Generator) -> None:
    """A balanced load keeps its biases, and the violation of all steps is that of added counts"""
    each = int(rng.integers(2, 7))
    own = torch.eye(4).repeat(each, 1)[torch.from_numpy(rng.permutation(4 * each))]
    noise = torch.from_numpy(rng.uniform(0, 0.1, size=(3, 4 * each, 4))).float()
    result = answer(own + noise, 1, 0.25)
    assert isinstance(result, dict), f"asked for a dict, got {kind_of(result)}"
    missing = sorted({"bias", "global_violation"} - result.keys())
    assert not missing, f"the key {missing[0]!r} is missing"
    wrong = difference(result["bias"], torch.zeros(4, 4), where="'bias'")
    assert not wrong, (
        f"each of 4 experts gets {each} of {4 * each} tokens at each of 3 steps, exactly the mean, "
        f"so all biases stay 0; {wrong}"
    )
    tokens = 2 * int(rng.integers(2, 7))
    swapped = torch.zeros(2, tokens, 2)
    swapped[0, :, 0] = swapped[1, :, 1] = 1.0
    swapped += torch.from_numpy(rng.uniform(0, 0.1, size=swapped.shape)).float()
    value = answer(swapped, 1, 0.001)["global_violation"]
    wrong = difference(value, 0.0, where="'global_violation'")
    assert not wrong, (
        f"all {tokens} tokens choose expert 0 at step 0 and expert 1 at step 1: added up, both "
        f"have {tokens}, so the global violation is 0; {wrong}"
    )


@exercise.agrees(
    points=2, proves=("counts", "bias", "max-violation", "global-violation", "numbers")
)
def random_steps(rng: np.random.Generator) -> Iterator[Given]:
    """Agrees with the reference on skewed scores, also where T · k / E is no whole number"""
    for tokens, experts, top_k, rate in ((7, 5, 2, 0.1), (12, 8, 3, 0.03), (9, 4, 1, 0.25)):
        yield given(_scores(rng, (6, tokens, experts), top_k, rate), top_k, rate)
    yield given(_scores(rng, (5, 6, 4), 2, 1.5), top_k=2, rate=1.5)
    yield given(_scores(rng, (3, 5, 3), 3, 0.5), 3, 0.5)
    yield given(_scores(rng, (1, 1, 2), 1, 0.5), 1, 0.5)


def _course(got: Any, expected: dict[str, Any]) -> str:
    """How counts and biases differ; the violations follow from them, and other checks ask."""
    return difference(got, {key: expected[key] for key in ("counts", "bias")})


@exercise.agrees(points=1, proves="start", compare=_course)
def from_a_given_bias(rng: np.random.Generator) -> Iterator[Given]:
    """Starts from the bias that is given"""
    for experts, top_k, rate in ((5, 2, 0.2), (8, 1, 0.05)):
        bias = torch.from_numpy(rng.normal(size=experts)).float()
        scores = _scores(rng, (4, 9, experts), top_k, rate, bias)
        yield given(scores, top_k, rate, bias)
        yield given(scores, top_k, rate, bias=bias)


@exercise.agrees(points=1.5, proves=("float32", "precision"))
def low_precision(rng: np.random.Generator) -> Iterator[Given]:
    """Scores and biases in half precision are added and updated in float32"""
    for dtype in _HALVES:
        large = torch.from_numpy(rng.uniform(1.0, 2.0, size=6)).to(dtype)
        scores = _scores(rng, (4, 9, 6), 2, 0.0003, large)
        yield given(scores, 2, 0.0003, large)
        small = torch.from_numpy(rng.uniform(-0.1, 0.1, size=6)).to(dtype)
        yield given(_scores(rng, (5, 9, 6), 2, 0.3, small, dtype), 2, 0.3, small)
        yield given(_scores(rng, (5, 9, 6), 2, 0.3, dtype=dtype), 2, 0.3)


@exercise.law(points=1, proves=("errors", "inputs", "counts"), hidden=True)
def wrong_arguments_and_inputs(answer: Answer, rng: np.random.Generator) -> None:
    """Wrong arguments are a ValueError, and neither scores nor bias are changed"""
    bias = torch.tensor([0.5, -0.5, 0.25])
    scores = _scores(rng, (3, 5, 3), 1, 0.125, bias)
    result = answer(scores, 1, 0.125, bias)
    right = exercise.solution_function(scores, 1, 0.125, bias)
    wrong = _course(result, right)
    assert not wrong, f"each step chooses with the bias of that step; {wrong}"
    assert not answer.left_behind, f"the call left something behind: {answer.left_behind}"
    assert not answer.shares_memory, f"the result shares memory with {answer.shares_memory}"
    for other in (scores[0], scores[None], scores[0, 0]):
        assert answer.raises(ValueError, other, 1, 0.1), (
            "scores that are not [S, T, E] were accepted; they should be a ValueError"
        )
    for top_k in (0, -1, 4):
        assert answer.raises(ValueError, scores, top_k, 0.1), (
            "a top_k outside 1..E was accepted; it should be a ValueError"
        )
    for empty in (scores[:0], scores[:, :0]):
        assert answer.raises(ValueError, empty, 1, 0.1), (
            "scores without a step or a token were accepted; they should be a ValueError"
        )


def _scores(
    rng: np.random.Generator,
    shape: tuple[int, int, int],
    top_k: int,
    rate: float,
    bias: torch.Tensor | None = None,
    dtype: torch.dtype = torch.float32,
) -> torch.Tensor:
    """Affinities on which no decision of any step is close, some experts ahead of others."""
    steps, tokens, experts = shape
    now = torch.zeros(experts).double() if bias is None else bias.double()
    skew = rng.permutation(np.linspace(0, 1, experts))
    scores = torch.zeros(shape, dtype=dtype)
    for step in range(steps):
        for token in range(tokens):
            scores[step, token] = _clear_row(rng, skew, now, top_k, dtype)
        chosen = (scores[step].double() + now).topk(top_k).indices
        counts = torch.bincount(chosen.flatten(), minlength=experts)
        now = now + rate * torch.sign(tokens * top_k - experts * counts)
    return scores


def _clear_row(
    rng: np.random.Generator, skew: np.ndarray, now: torch.Tensor, top_k: int, dtype: torch.dtype
) -> torch.Tensor:
    """The scores of one token, whose choice with the biases `now` is clear."""
    while True:
        row = torch.from_numpy(skew + rng.uniform(0, 1, size=len(skew))).to(dtype)
        biased = (row.double() + now).sort(descending=True).values
        if top_k == len(row) or float(biased[top_k - 1] - biased[top_k]) > _CLEAR:
            return row
