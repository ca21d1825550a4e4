"""The checks of `monitor_expert_usage`: numbers in closed form from planted models."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch

from autograder import given
from autograder.authoring.given import Given
from moe_lab.bench import Bench
from moe_lab.inputs import token_batch
from moelab_kit.calls import Answer
from moelab_kit.compare import FLOAT32, difference, is_number, kind_of
from reference.moe_router_analysis._drawn import batch_that_tells, draw, saying
from reference.moe_router_analysis.monitor_expert_usage import (
    exercise,
    measures,
    monitor_expert_usage,
)


@exercise.law(points=1, proves=("list", "max-violation", "entropy", "dead"))
def logs_three_numbers_per_router(answer: Answer, rng: np.random.Generator, bench: Bench) -> None:
    """Logs three numbers for each router of a Mixtral, one dict per batch"""
    model = bench.model("mixtral")
    batches = [_batch(rng, [7, 7]), _batch(rng, [3])]
    logged = answer(model, batches)
    assert isinstance(logged, list), f"asked for a list of dicts, got {kind_of(logged)}"
    assert len(logged) == 2, f"2 batches should give 2 dicts, not {len(logged)}"
    for batch, numbers in zip(batches, logged, strict=True):
        assert isinstance(numbers, dict), f"each batch should give a dict, not {kind_of(numbers)}"
        for index in range(len(bench.router_names("mixtral"))):
            counts = bench.expected_counts(
                "mixtral", index, batch["input_ids"], batch["attention_mask"]
            )
            prefix = f"router/layer_{index}/"
            shares = counts[counts > 0].double() / counts.sum()
            for name, value in (
                ("dead_experts", int((counts == 0).sum())),
                ("max_violation", float(counts.max() / counts.double().mean()) - 1),
                ("entropy", float(-(shares * shares.log()).sum()) / math.log(len(counts))),
            ):
                assert prefix + name in numbers, f"the key {prefix + name!r} is missing"
                got = numbers[prefix + name]
                assert is_number(got), f"{prefix + name!r} should be a number, not {kind_of(got)}"
                assert abs(float(got) - value) < 1e-4, (
                    f"router {index} gave its experts {counts.tolist()} tokens, so {name} is "
                    f"{value:.4f}, not {float(got):.4f}"
                )


@exercise.law(points=1, proves=("own-decisions", "no-routers"), hidden=True)
def watches_every_family(answer: Answer, rng: np.random.Generator, bench: Bench) -> None:
    """Watches the model's own decisions in every family, and gives {} for a dense model"""
    for family in bench.models:
        batch = _batch(rng, [12, 12])
        numbers = answer(bench.model(family), [batch])
        _compare(numbers, bench, family, [batch])
    single = [_batch(rng, [1])]
    _compare(answer(bench.base("gpt_oss"), single), bench, "gpt_oss", single)
    logged = answer(bench.dense(), [batch, batch])
    assert logged == [{}, {}], "a model without routers gives an empty dict per batch"


@exercise.law(points=1, proves=("batches", "mask-alone", "padding"), hidden=True)
def takes_any_batches(answer: Answer, rng: np.random.Generator, bench: Bench) -> None:
    """Takes any iterable of batches with padding on either side and with other keys"""
    model = bench.model("olmoe")
    batches = [
        _batch(rng, [8, 1, 4]) | {"labels": torch.zeros(3, 2), "texts": ["a", "b", "c"]},
        _batch(rng, [1], padding_side="left"),
        _batch(rng, [2, 9], padding_side="left") | {"id": 7},
        _lopsided(bench, "olmoe"),
    ]
    _compare(answer(model, (batch for batch in batches)), bench, "olmoe", batches)
    _compare(answer(model, tuple(batches)), bench, "olmoe", batches)
    assert answer(model, []) == [], "no batches give an empty list"


@exercise.agrees(
    points=1,
    proves="padding",
    compare=saying(
        "a token's route depends on the real tokens before it, and on no padding: "
        "give the model the attention mask",
        FLOAT32,
    ),
)
def routes_padded_batches_as_alone(rng: np.random.Generator, bench: Bench) -> Iterator[Given]:
    """Routes real tokens as without padding, also where it stands on the left"""
    for family, experts in (("olmoe", 7), ("qwen2_moe", 11), ("mixtral", 0)):
        model = bench.drawn(draw(rng, family, experts=experts))
        shapes = (([13, 3, 8], "left"), ([13, 3, 8], "right"), ([1], "right"))
        drawn = [batch_that_tells(rng, model, lengths, side) for lengths, side in shapes]
        yield given(model, [{"input_ids": ids, "attention_mask": mask} for ids, mask in drawn])


@exercise.law(
    points=1, proves=("left-as-it-was", "no-gradients", "evaluation", "left-alone"), hidden=True
)
def leaves_everything_as_it_was(answer: Answer, rng: np.random.Generator, bench: Bench) -> None:
    """Evaluates a model in training mode; leaves it and the batches alone, also after an error"""
    model, batches = bench.model("mixtral"), [_batch(rng, [30, 20]), _batch(rng, [2])]
    for batch in batches:
        batch |= {"labels": batch["input_ids"].clone(), "id": 3}
    modes = {module: module.training for module in model.modules()}
    try:
        for name, module in model.named_modules():
            module.training = not name.endswith("norm")
        logged = answer(model, batches)
    finally:
        for module, mode in modes.items():
            module.training = mode
    _compare(logged, bench, "mixtral", batches, "models are judged in evaluation mode")
    assert not answer.left_behind, f"something was not left as it was: {answer.left_behind}"
    for number in logged[0].values():
        kept = isinstance(number, torch.Tensor) and number.requires_grad
        assert not kept, "a number still carries a gradient"
    settings = {"training": "part", "frozen": True, "gradients": True}
    trained = bench.drawn(draw(rng, "olmoe", dtype="bfloat16", **settings))
    right = monitor_expert_usage(trained, batches)
    logged = answer(trained, batches)
    assert isinstance(logged, list), f"asked for a list of dicts, got {kind_of(logged)}"
    assert len(logged) == len(right), f"{len(right)} batches should give as many dicts"
    for numbers, wanted in zip(logged, right, strict=True):
        assert isinstance(numbers, dict), f"each batch should give a dict, not {kind_of(numbers)}"
        missing = sorted(wanted.keys() - numbers.keys())
        assert not missing, f"the key {missing[0]!r} is missing"
    assert not answer.left_behind, f"something was not left as it was: {answer.left_behind}"
    for family, error in (("granitemoe", RuntimeError), ("olmoe", ValueError)):
        failing = bench.drawn(draw(rng, family, raises=error.__name__, training="part"))
        assert answer.raises(error, failing, batches), (
            "an exception from the model's forward should reach the caller"
        )
        assert not answer.left_behind, (
            f"after a forward that raised, something was not left as it was: {answer.left_behind}"
        )


def _batch(
    rng: np.random.Generator, lengths: list[int], padding_side: str = "right"
) -> dict[str, Any]:
    ids, mask = token_batch(rng, lengths, padding_side=padding_side, padding_id=None)
    return {"input_ids": ids, "attention_mask": mask}


def _lopsided(bench: Bench, family: str) -> dict[str, Any]:
    """One token many times, and once one that brings a first token to some expert."""
    ids = torch.arange(256)
    counts = [bench.expected_counts(family, 0, token[None]) for token in ids]
    other = next(token for token in ids if not torch.equal(counts[token], counts[0]))
    batch = torch.zeros(1, 61, dtype=torch.int64)
    batch[0, -1] = other
    return {"input_ids": batch, "attention_mask": torch.ones_like(batch)}


def _compare(
    logged: Any,
    bench: Bench,
    family: str,
    batches: list[dict[str, Any]],
    idea: str = "the numbers follow from the model's own decisions on real tokens",
) -> None:
    """Compare with the planted truth; messages for hidden checks."""
    routers = range(len(bench.router_names(family)))
    right = []
    for batch in batches:
        ids, mask = batch["input_ids"], batch["attention_mask"]
        counts = [bench.expected_counts(family, index, ids, mask).tolist() for index in routers]
        right.append(
            {
                f"router/layer_{index}/{name}": value
                for index in routers
                for name, value in measures(counts[index]).items()
            }
        )
    wrong = difference(logged, right)
    assert not wrong, f"{idea} ({wrong})"
