"""The checks of `compare_top_k`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch

from autograder import given
from autograder.authoring.given import Given
from moe_lab.inputs import ranked_logits
from moelab_kit import Answer
from moelab_kit.compare import difference, kind_of
from reference.moe_router_analysis.compare_top_k import exercise

Comparison = dict[int, dict[str, Any]]


def _compare(got: Any, expected: Comparison) -> str:
    if not isinstance(got, Mapping):
        return f"the result is {kind_of(got)}, not a dict"
    if any(k not in got for k in expected):
        return "the result has no entry for some k that was asked for, under the key k itself"
    return next(filter(None, (difference(got[k], expected[k]) for k in expected)), "")


@exercise.law(points=1, proves=("entries", "mean-and-std", "experts-used"))
def worked_example(answer: Answer, rng: np.random.Generator) -> None:
    """Two tokens and five experts, with one and with two experts per token."""
    logits = torch.log(torch.tensor([[6.0, 2.0, 1.0, 1.0, 1.0], [1.0, 2.0, 1.0, 6.0, 1.0]]))
    logits += torch.from_numpy(rng.normal(size=(2, 1))).float()  # changes no softmax
    compared = answer(logits, top_ks=(1, 2))
    assert isinstance(compared, Mapping), f"asked for a dict, got {type(compared).__name__}"
    for k, weight, used in ((1, 1.0, 2), (2, 0.75, 3)):
        assert k in compared, f"the result has no key {k}; its keys are {list(compared)}"
        entry = compared[k]
        assert isinstance(entry, Mapping), f"the entry of k = {k} should be a dict, not {entry!r}"
        wanted = {"mean_first_expert_weight": weight, "std_first_expert_weight": 0.0}
        wrong = difference(entry, wanted, where="the entry")
        assert not wrong, (
            f"with k = {k}, both tokens give their best expert the weight {weight}; {wrong}: "
            f"{dict(entry)}"
        )
        wrong = difference(entry, {"experts_used": used}, where="the entry")
        assert not wrong, (
            f"with k = {k}, {used} different experts are selected; {wrong}: {dict(entry)}"
        )


@exercise.agrees(points=1, proves=("entries", "mean-and-std", "experts-used"), compare=_compare)
def random_logits(rng: np.random.Generator) -> Iterator[Given]:
    """Agrees with the reference on random logits and several lists of k."""
    yield given(ranked_logits(rng, 2, 16))
    yield given(ranked_logits(rng, 3, 16))
    yield given(ranked_logits(rng, 5, 24), (3, 1, 6))
    yield given(ranked_logits(rng, 6, 4), top_ks=[4])
    yield given(ranked_logits(rng, 20, 10), top_ks=[2, 5, 10])
    yield given(ranked_logits(rng, 300, 9), top_ks=(3, 2))


@exercise.agrees(points=0.5, proves=("mean-and-std", "experts-used"), compare=_compare)
def one_token_and_logits_far_apart(rng: np.random.Generator) -> Iterator[Given]:
    """One token has the standard deviation 0.0; experts of very small weight are used too."""
    yield given(ranked_logits(rng, 1, 6))
    yield given(ranked_logits(rng, 1, 4), top_ks=[3])
    for tokens in (2, 3):
        yield given(200 * ranked_logits(rng, tokens, 12), top_ks=(2, 4))


@exercise.agrees(points=0.5, proves=("low-precision", "precision"), compare=_compare)
def low_precision(rng: np.random.Generator) -> Iterator[Given]:
    """Half-precision logits are computed in float32."""
    for dtype in (torch.bfloat16, torch.float16):
        yield given(ranked_logits(rng, 3, 8, dtype), (2, 3, 4))
        yield given(ranked_logits(rng, 300, 8, dtype), (2,))


@exercise.law(points=1, proves=("wrong-k", "unchanged", "errors"), hidden=True)
def wrong_arguments(answer: Answer) -> None:
    """ValueError for any k outside 1..E; the arguments stay as they were."""
    logits = torch.log(torch.tensor([[1.0, 4.0, 1.5], [8.0, 1.0, 2.0]]))
    wrong = difference(answer(logits, [2, 1])[2], {"experts_used": 3}, where="the entry")
    assert not wrong, f"experts selected in any of a token's k slots are used: {wrong}"
    assert not answer.left_behind, f"the call left something behind: {answer.left_behind}"
    for top_ks in ((0,), (1, 2, 4), (4, 1), (2, -1)):
        assert answer.raises(ValueError, logits, top_ks), (
            "a k outside 1..E was accepted; it should be a ValueError, wherever it stands"
        )
