"""The checks of `scoped_balance_loss`."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch

from autograder import given
from autograder.authoring.given import Given
from moe_lab.inputs import ranked_logits
from moelab_kit import Answer
from moelab_kit.compare import difference, kind_of
from reference.moe_training_and_serving.scoped_balance_loss import exercise

_SCOPES = ("local", "global")
_APART = 4.0625  # no logits that are multiples of 0.125 become equal
_LARGE = 2**60  # as a float64, neighbouring ids are one number


@exercise.law(points=1.5, proves=("local", "global", "scalar"))
def two_specialists(answer: Answer, rng: np.random.Generator) -> None:
    """Two groups, each with an expert of its own: unbalanced by themselves, balanced together."""
    first, second = (int(size) for size in rng.integers(3, 9, size=2))
    gap = float(rng.uniform(1.0, 3.0))
    likely = float(torch.sigmoid(torch.tensor(gap)))
    logits = torch.tensor([[gap, 0.0]] * first + [[0.0, gap]] * second)
    groups = torch.tensor([0] * first + [1] * second)
    told = (
        f"2 experts, top_k=1: the {first} tokens of group 0 choose expert 0 and the {second} of "
        f"group 1 expert 1, each with probability {likely:.4f}"
    )
    for scope, right, why in (
        ("local", 2 * likely, "each group's own f is (1, 0) or (0, 1), so its loss is twice that"),
        ("global", 1.0, "f is the same for both groups, and their P average to (½, ½)"),
    ):
        loss = answer(logits, 1, groups, scope=scope)
        assert isinstance(loss, torch.Tensor), f"asked for a scalar tensor, got {kind_of(loss)}"
        assert loss.dim() == 0, f"asked for a scalar tensor, got {kind_of(loss)}"
        value = float(loss.detach())
        assert abs(value - right) < 1e-4, (
            f"{told}; with scope={scope!r} the loss is {right:.4f} ({why}), not {value:.4f}"
        )


@exercise.law(points=1, proves=("local", "global"))
def one_group_is_the_switch_loss(answer: Answer, rng: np.random.Generator) -> None:
    """With a single group, both scopes are the Switch loss of its tokens"""
    logits = ranked_logits(rng, 6, 4)
    groups = torch.full((6,), int(rng.integers(3, 100)))
    used = torch.bincount(logits.topk(2).indices.flatten(), minlength=4) / 12
    right = float(4 * (used * logits.softmax(-1).mean(0)).sum())
    for scope in _SCOPES:
        value = float(answer(logits, 2, groups, scope).detach())
        assert abs(value - right) < 1e-4, (
            f"6 tokens in one group, 4 experts, top_k=2: E · Σ f·P is {right:.4f}, "
            f"not {value:.4f} (scope={scope!r})"
        )


@exercise.agrees(points=1.5, proves=("local", "global", "every-group"))
def random_groups(rng: np.random.Generator) -> Iterator[Given]:
    """Agrees with the reference on groups of different sizes, in any order"""
    for experts, top_k in ((5, 2), (8, 3), (4, 4), (2, 1)):
        groups = torch.from_numpy(rng.permutation(np.repeat([0, 1, 2, 3], [1, 2, 5, 9])))
        logits = ranked_logits(rng, 17, experts) + _leaning(groups, experts)
        yield given(logits, top_k, groups)
        for scope in _SCOPES:
            yield given(logits, top_k, groups, scope=scope)


@exercise.agrees(points=1.5, proves="gradient", gradient_of=0)
def gradient(rng: np.random.Generator) -> Iterator[Given]:
    """The gradient flows through the probabilities, and through nothing else"""
    for scope in _SCOPES:
        groups = torch.from_numpy(rng.permutation(np.repeat([0, 1, 2], [1, 3, 6])))
        yield given(ranked_logits(rng, 10, 6) + _leaning(groups, 6), 2, groups, scope)


@exercise.agrees(points=1, proves="padding")
def padding(rng: np.random.Generator) -> Iterator[Given]:
    """Tokens with group −1 change nothing, whatever their rows hold"""
    for scope in _SCOPES:
        for unlike in (0.0, 30.0, 1e30):
            groups = torch.from_numpy(rng.permutation(np.repeat([-1, 0, 1, 2], [4, 1, 3, 6])))
            logits = ranked_logits(rng, 14, 6) + _leaning(groups, 6)
            padded = logits + unlike * torch.arange(6.0)
            yield given(torch.where(groups[:, None] < 0, padded, logits), 2, groups, scope)


@exercise.agrees(points=1, proves="ids")
def any_ids(rng: np.random.Generator) -> Iterator[Given]:
    """Ids may be very large, need not be consecutive and stand in any order"""
    ids = np.array([7, 7_000, 2**33 + 7, _LARGE, _LARGE + 1])
    for scope in _SCOPES:
        groups = torch.from_numpy(rng.permutation(np.repeat(ids, [3, 1, 2, 6, 2])))
        yield given(ranked_logits(rng, 14, 5) + _leaning(groups % 11, 5), 2, groups, scope)
    alone = torch.from_numpy(rng.permutation(9) * 10**15)
    yield given(ranked_logits(rng, 9, 5), 1, alone, "local")


@exercise.agrees(points=0.5, proves=("low-precision", "precision"))
def low_precision_and_large_logits(rng: np.random.Generator) -> Iterator[Given]:
    """Half precision is computed in float32, and large logits do not overflow"""
    for dtype in (torch.bfloat16, torch.float16):
        for scope in _SCOPES:
            for sizes in ([1, 1, 1], [2, 1, 2], [1, 2], [3, 2, 7]):
                groups = torch.from_numpy(rng.permutation(np.repeat(range(len(sizes)), sizes)))
                yield given(ranked_logits(rng, sum(sizes), 6, dtype), 2, groups, scope)
    groups = torch.from_numpy(rng.permutation(np.repeat([0, 1], [20, 40])))
    for scope in _SCOPES:
        yield given(1600 * ranked_logits(rng, 60, 8), 3, groups, scope)


@exercise.law(points=1, proves=("no-token", "errors", "inputs"), hidden=True)
def no_token_and_wrong_arguments(answer: Answer, rng: np.random.Generator) -> None:
    """Without a token in a group the loss is 0.0; wrong arguments are a ValueError"""
    logits = torch.tensor([[3.0, 1.0], [1.0, 3.0], [6.0, 1.0]]).log()
    logits = torch.cat([logits, torch.from_numpy(rng.normal(size=(1, 2))).float()])
    groups = torch.tensor([4, 4, 9, -1])
    wrong = difference(answer(logits, 1, groups, "local"), torch.tensor((1 + 12 / 7) / 2))
    assert not wrong, f"f and P are taken over the tokens of each group; {wrong}"
    assert not answer.left_behind, f"the call left something behind: {answer.left_behind}"
    for scope in _SCOPES:
        for rows in (logits, logits[:0]):
            nowhere = torch.full((len(rows),), -1)
            wrong = difference(answer(rows, 1, nowhere, scope), torch.tensor(0.0))
            assert not wrong, f"without a token in a group there is nothing to balance; {wrong}"
            assert not answer.left_behind, f"the call left something behind: {answer.left_behind}"
    for top_k in (0, -1, 3):
        assert answer.raises(ValueError, logits, top_k, groups), (
            "a top_k outside 1..E was accepted; it should be a ValueError"
        )
    for scope in ("Local", "micro", ""):
        assert answer.raises(ValueError, logits, 1, groups, scope), (
            "an unknown scope was accepted; it should be a ValueError"
        )
    for other in (groups[:, None], groups[:1], groups[:3], torch.cat([groups, groups])):
        assert answer.raises(ValueError, logits, 1, other, "local"), (
            "groups of another shape than [T] were accepted; they should be a ValueError"
        )


def _leaning(groups: torch.Tensor, experts: int) -> torch.Tensor:
    """Logits that make each group prefer an expert of its own; exact, like ranked logits."""
    favourite = torch.nn.functional.one_hot(groups.clamp(min=0) % experts, experts)
    return _APART * favourite.float()
