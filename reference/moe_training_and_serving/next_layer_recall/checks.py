"""The checks of `next_layer_recall`."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch

from autograder import given
from autograder.authoring.given import Given
from moe_lab.bench import Bench
from moe_lab.drawn import Recipe
from moe_lab.inputs import token_batch
from moelab_kit import Answer
from moelab_kit.compare import difference, kind_of
from reference.moe_training_and_serving._routers import routers_of, watching
from reference.moe_training_and_serving.next_layer_recall import exercise, next_layer_recall

_CLEAR = 4e-3  # between the last score that is chosen, or predicted, and the next
_ATTEMPTS = 300


@exercise.law(points=2, proves=("pairs", "recall", "popular"))
def layers_that_change_nothing(answer: Answer, rng: np.random.Generator, bench: Bench) -> None:
    """Where layers change nothing, the prediction is perfect"""
    for family in ("olmoe", "qwen2_moe"):
        model = bench.model(family)
        ids, mask = token_batch(rng, [14, 9])
        found = answer(model, ids, mask)
        assert isinstance(found, list), f"asked for a list of dicts, got {kind_of(found)}"
        routers = len(bench.router_names(family))
        assert len(found) == routers - 1, (
            f"{routers} routers make {routers - 1} pairs; the list has {len(found)} dicts"
        )
        for index, numbers in enumerate(found):
            counts = bench.expected_counts(family, index + 1, ids, mask)
            k = model.config.num_experts_per_tok
            popular = float(counts.topk(k).values.sum() / counts.sum())
            assert isinstance(numbers, dict), (
                f"each pair should give a dict, not {kind_of(numbers)}"
            )
            for key, right, why in (
                (
                    "recall",
                    1.0,
                    "attention and experts of this model add nothing, so all routers "
                    "see the same hidden states, and the prediction is the choice",
                ),
                (
                    "popular",
                    popular,
                    f"the next router's counts on real tokens are {counts.tolist()}, and the {k} "
                    f"largest of {int(counts.sum())} slots are right",
                ),
            ):
                assert key in numbers, f"the key {key!r} is missing"
                wrong = difference(numbers[key], right, where=f"{key!r}")
                assert not wrong, f"{why}: {key!r} of pair {index} should be {right:.4f}; {wrong}"


@exercise.agrees(points=2.5, proves=("recall", "popular", "pairs"))
def random_models(rng: np.random.Generator, bench: Bench) -> Iterator[Given]:
    """Agrees with the reference on random models of each family"""
    for family, settings in (
        ("mixtral", {"layers": 4}),
        ("olmoe", {"experts": 7}),
        ("qwen2_moe", {"layers": 6, "experts": 9}),
        ("qwen3_moe", {}),
    ):
        model = bench.drawn(_recipe(rng, family, **settings))
        yield given(model, *_clear_batch(rng, model, [12, 12], "right"))
        yield given(model, *_clear_batch(rng, model, [1], "right"))


@exercise.agrees(points=1.5, proves="real-tokens")
def padding_on_either_side(rng: np.random.Generator, bench: Bench) -> Iterator[Given]:
    """Padding takes no part in anything, on whichever side it stands"""
    for family in bench.softmax_families:
        model = bench.drawn(_recipe(rng, family))
        for side in ("left", "right"):
            yield given(model, *_clear_batch(rng, model, [13, 3, 8], side))


@exercise.law(points=1, proves=("recall", "precision"), hidden=True)
def low_precision(answer: Answer, rng: np.random.Generator, bench: Bench) -> None:
    """Predictions of a model in half precision are computed in float32"""
    for family in ("olmoe", "mixtral"):
        model = bench.drawn(_recipe(rng, family, dtype="bfloat16", experts=48))
        ids, mask = _telling_batch(rng, model)
        wrong = difference(answer(model, ids, mask), next_layer_recall(model, ids, mask))
        assert not wrong, f"in half precision close scores become equal: use float32; {wrong}"


@exercise.law(points=1, proves=("few-routers", "left-as-it-was"), hidden=True)
def few_routers_and_no_trace(answer: Answer, rng: np.random.Generator, bench: Bench) -> None:
    """Fewer than two routers give []; the model is left as it was, also after an error"""
    model = bench.drawn(_recipe(rng, "olmoe", training="part", frozen=True, gradients=True))
    ids, mask = _clear_batch(rng, model, [9, 6], "right")
    right = next_layer_recall(model, ids, mask)
    wrong = difference(answer(model, ids, mask), right)
    assert not wrong, f"the prediction uses what a router received and the next weight; {wrong}"
    assert not answer.left_behind, f"the model was not left as it was: {answer.left_behind}"
    for single in (bench.dense(), bench.drawn(_recipe(rng, "mixtral", layers=1))):
        wrong = difference(answer(single, ids, mask), [])
        assert not wrong, f"fewer than two routers make no pair; {wrong}"
    for family, error in (("olmoe", ValueError), ("qwen2_moe", RuntimeError)):
        failing = bench.drawn(_recipe(rng, family, raises=error.__name__, training="part"))
        assert answer.raises(error, failing, ids, mask), (
            "an exception from the model's forward should reach the caller"
        )
        assert not answer.left_behind, (
            f"after a forward that raised, the model was not left as it was: {answer.left_behind}"
        )


def _recipe(rng: np.random.Generator, family: str, **settings: Any) -> Recipe:
    """A model of this family, without dropout and jitter, with weights of its own."""
    return Recipe(family=family, seed=int(rng.integers(2**31)), **settings)


def _clear_batch(
    rng: np.random.Generator, model: Any, lengths: list[int], padding_side: str
) -> tuple[torch.Tensor, torch.Tensor]:
    """A batch on which no decision and no prediction is close; its padding holds other tokens."""
    for _ in range(_ATTEMPTS):
        ids, mask = token_batch(rng, lengths, padding_side=padding_side, padding_id=None)
        if _closest(model, ids, mask) > _CLEAR:
            return ids, mask
    raise RuntimeError("no batch found on which every decision is clear")


def _telling_batch(rng: np.random.Generator, model: Any) -> tuple[torch.Tensor, torch.Tensor]:
    """A batch on which predictions in half precision differ, and those in float32 are clear."""
    routers: list[Any] = routers_of(model)
    for _ in range(_ATTEMPTS):
        ids, mask = token_batch(rng, [12, 9])
        with watching(routers) as seen, torch.no_grad():
            model(input_ids=ids, attention_mask=mask)
        pairs = [
            (seen[one].hidden[mask.flatten() == 1], other, seen[other].chosen[mask.flatten() == 1])
            for one, other in itertools.pairwise(routers)
        ]
        hits = [
            (_hits(_scores(hidden, other), chosen), _hits(hidden @ other.weight.T, chosen))
            for hidden, other, chosen in pairs
        ]
        clear = all(
            _margin(_scores(hidden, other), chosen) > _CLEAR for hidden, other, chosen in pairs
        )
        if clear and any(exact != rounded for exact, rounded in hits):
            return ids, mask
    raise RuntimeError("no batch found on which half precision predicts other experts")


def _hits(scores: torch.Tensor, chosen: torch.Tensor) -> int:
    predicted = scores.topk(chosen.shape[1]).indices
    return int((predicted.unsqueeze(2) == chosen.unsqueeze(1)).sum())


def _closest(model: Any, ids: torch.Tensor, mask: torch.Tensor) -> float:
    """The smallest margin of a decision or a prediction on real tokens."""
    routers = routers_of(model)
    with watching(routers) as seen, torch.no_grad():
        model(input_ids=ids, attention_mask=mask)
    real = mask.flatten() == 1
    margins = [_margin(seen[router].logits[real], seen[router].chosen) for router in routers]
    margins += [
        _margin(_scores(seen[one].hidden[real], other), seen[other].chosen)
        for one, other in itertools.pairwise(routers)
    ]
    return min(margins)


def _scores(hidden: torch.Tensor, router: Any) -> torch.Tensor:
    scores: torch.Tensor = hidden.float() @ router.weight.float().T
    return scores


def _margin(scores: torch.Tensor, chosen: torch.Tensor) -> float:
    ranked = scores.float().sort(dim=-1, descending=True).values
    k = chosen.shape[1]
    return float((ranked[:, k - 1] - ranked[:, k]).min().detach())
