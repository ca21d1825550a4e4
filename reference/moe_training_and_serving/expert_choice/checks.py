"""The checks of `expert_choice`."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import numpy as np
import torch

from autograder import given
from autograder.authoring.given import Given
from moe_lab.inputs import MASK_DTYPES
from moelab_kit import Answer
from moelab_kit.compare import difference
from reference.moe_training_and_serving.expert_choice import exercise

APART = 2e-5  # what the scores of two tokens differ by at least, for every expert


@exercise.law(
    points=1.5,
    proves=("chosen", "weights", "experts-per-token", "unserved", "capacity", "numbers"),
)
def five_tokens(answer: Answer, rng: np.random.Generator) -> None:
    """Three experts choose two of five tokens each, and one token is left over."""
    wishes = np.array(
        [[0.70, 0.20, 0.10], [0.50, 0.30, 0.20], [0.30, 0.10, 0.60], [0.10, 0.50, 0.40],
         [0.42, 0.27, 0.31]]
    )  # fmt: skip
    wishes[:, :2] += rng.uniform(-0.01, 0.01, size=(5, 2))
    wishes[:, 2] = 1 - wishes[:, :2].sum(axis=1)
    place = rng.permutation(5)
    place[:2] = place[:2].max(), place[:2].min()  # expert 0 takes the later token first
    shares = torch.zeros(5, 3)
    shares[torch.from_numpy(place)] = torch.from_numpy(wishes).float()
    chosen = torch.from_numpy(place)[torch.tensor([[0, 1], [3, 1], [2, 3]])]
    expected = {
        "chosen": chosen,
        "weights": shares.gather(0, chosen.T).T,
        "experts_per_token": torch.bincount(chosen.flatten(), minlength=5),
        "unserved": 0.2,
    }
    result = answer(shares.log(), 1.0)
    assert isinstance(result, dict), f"asked for a dict, got {type(result).__name__}"
    wrong = difference(result, expected)
    assert not wrong, (
        f"5 tokens, 3 experts and a factor of 1 let each expert take ⌈5/3⌉ = 2 tokens. The softmax "
        f"of the logits is {shares.tolist()}: look for the two largest numbers of each column. "
        f"Asked for is {expected}; {wrong}. Got {result}"
    )


@exercise.agrees(
    points=2,
    proves=("chosen", "weights", "experts-per-token", "unserved", "low-precision", "precision"),
)
def random_logits(rng: np.random.Generator) -> Iterator[Given]:
    """Agrees with the reference on random logits, in half precision, too."""
    for tokens, experts, factor in ((9, 4, 1.0), (20, 5, 2.0), (14, 2, 0.25), (7, 6, 1.5)):
        yield given(_logits(rng, tokens, experts), factor)
    for dtype in (torch.bfloat16, torch.float16):
        yield given(_logits(rng, 12, 4, dtype), capacity_factor=0.75)


@exercise.agrees(points=1, proves=("capacity", "infinity"))
def sizes_of_the_choice(rng: np.random.Generator) -> Iterator[Given]:
    """C is computed in the order of the formula, rounded up once, and never more than n."""
    for factor in (0.125, 1.25, 3.5, 4.0, 4.25, 100.0, math.inf):
        yield given(_logits(rng, 9, 4), factor)
    yield given(_logits(rng, 1, 5), 0.5)
    for tokens, experts, factor in _telling_orders(rng):
        yield given(_graded_logits(rng, tokens, experts), factor)


@exercise.agrees(points=1.5, proves="mask")
def padding(rng: np.random.Generator) -> Iterator[Given]:
    """Padding is never chosen and counts for nothing, whatever the dtype of the mask."""
    for dtype in MASK_DTYPES:
        mask = torch.from_numpy(rng.permutation(13)) < 7
        yield given(_logits(rng, 13, 3), 0.75, token_mask=mask.to(dtype))
    mask = torch.from_numpy(rng.permutation(13)) < 6
    yield given(_logits(rng, 13, 3), math.inf, mask.to(torch.int64))
    for dtype, real in ((torch.bfloat16, 259), (torch.float16, 2051), (torch.int8, 259)):
        mask = torch.from_numpy(rng.permutation(real + 41)) < real  # rounds in a low precision
        yield given(_graded_logits(rng, real + 41, 7), 1.0, mask.to(dtype))


@exercise.agrees(points=0.5, proves="equal-tokens")
def equal_tokens(rng: np.random.Generator) -> Iterator[Given]:
    """Among equal tokens the earlier one comes first."""
    # Vector units take 4 to 32 numbers at a time, and what is left over one by one, which may round
    # otherwise: with these sizes nothing is left over, and equal tokens have equal scores.
    for tokens, kinds, factor in ((32, 3, 2.0), (64, 4, 1.5), (32, 2, 2.5)):
        kind = torch.from_numpy(rng.permutation(np.arange(tokens) % kinds))
        yield given(_logits(rng, kinds, 4)[kind], factor)
    kind = torch.from_numpy(rng.permutation(np.arange(64) % 3))
    mask = torch.from_numpy(rng.permutation(64)) < 32
    yield given(_logits(rng, 3, 4)[kind], 2.0, mask)


@exercise.law(
    points=0.5, proves=("no-token", "wrong-arguments", "unchanged", "inputs"), hidden=True
)
def no_tokens_and_wrong_arguments(answer: Answer, rng: np.random.Generator) -> None:
    """Without a real token nothing is chosen; impossible factors are a ValueError."""
    best = int(rng.integers(1, 3))
    logits = torch.zeros(3, 2)
    logits[best, 0] = 1.0
    logits[(best + 1) % 3, 1] = 1.0
    result = answer(logits, 0.5)
    expected = {"chosen": torch.tensor([[best], [(best + 1) % 3]]), "unserved": 1 / 3}
    wrong = difference(result, expected)
    assert not wrong, f"each of two experts takes the token that wants it most; {wrong}"
    assert not answer.left_behind, f"the call left something behind: {answer.left_behind}"
    masked = answer(logits, 0.5, (torch.arange(3) == best).float())
    wrong = difference(masked, {"chosen": torch.tensor([[best], [best]]), "unserved": 0.0})
    assert not wrong, f"with one real token, {wrong}"
    assert not answer.left_behind, f"the call left something behind: {answer.left_behind}"
    nobody = [(logits, torch.zeros(3, dtype=dtype)) for dtype in (torch.bool, torch.bfloat16)]
    for arguments in (*nobody, (logits[:0], None), (logits[:0], torch.zeros(0))):
        for factor in (1.0, math.inf):
            nothing = {
                "chosen": torch.zeros(2, 0, dtype=torch.int64),
                "weights": torch.zeros(2, 0),
                "experts_per_token": torch.zeros(len(arguments[0]), dtype=torch.int64),
                "unserved": 0.0,
            }
            result = answer(arguments[0].clone(), factor, arguments[1])
            wrong = difference(result, nothing)
            assert not wrong, f"without a real token, {wrong}"
    for factor in (0.0, -1.0, math.nan, -math.inf):
        for tokens in (logits, logits[:0]):
            assert answer.raises(ValueError, tokens.clone(), factor), (
                "a capacity factor that is not greater than 0 was accepted; it should be a "
                "ValueError"
            )


def _telling_orders(rng: np.random.Generator) -> list[tuple[int, int, float]]:
    """Tokens, experts and factors for which other orders of computing C round otherwise.

    The formula's order is exact where the true value is a whole number; each other order comes out
    above a whole number for one of those drawn here, and would take a token too many.
    """
    orders: tuple[Callable[[int, int, float], float], ...] = (
        lambda tokens, experts, factor: tokens / experts * factor,
        lambda tokens, experts, factor: factor / experts * tokens,
        lambda tokens, experts, factor: math.ceil(tokens / experts) * factor,
    )
    told = []
    for order in orders:
        candidates = [
            (tokens, experts, factor)
            for tokens in range(9, 120)
            for experts in range(3, 32)
            for factor in (1.25, 1.5, 1.75, 2.5)
            if math.ceil(order(tokens, experts, factor)) != math.ceil(tokens * factor / experts)
        ]
        told.append(candidates[rng.integers(len(candidates))])
    return told


def _logits(
    rng: np.random.Generator, tokens: int, experts: int, dtype: torch.dtype = torch.float32
) -> torch.Tensor:
    """Random logits [tokens, experts]; for every expert the scores of all tokens are apart."""
    while True:
        logits = torch.from_numpy(rng.normal(size=(tokens, experts)) * 1.5).to(dtype)
        if _apart(logits):
            return logits


def _graded_logits(rng: np.random.Generator, tokens: int, experts: int) -> torch.Tensor:
    """Logits of many tokens whose scores are apart: each expert grades them on a scale of its own.

    The scores of one token are (1 + c · u) / E. The steps c of the experts add up to 0, and the
    tokens' u are evenly spaced.
    """
    while True:
        steps = rng.uniform(-1, 1, size=experts)
        steps -= steps.mean()
        if np.abs(steps).min() < 0.2 * np.abs(steps).max():
            continue
        places = rng.permutation(np.linspace(-0.9, 0.9, tokens)) / np.abs(steps).max()
        logits = torch.from_numpy(np.log1p(places[:, None] * steps)).float()
        if _apart(logits):
            return logits


def _apart(logits: torch.Tensor) -> bool:
    scores = logits.double().softmax(dim=1).sort(dim=0).values
    return len(scores) < 2 or float(scores.diff(dim=0).min()) > APART
