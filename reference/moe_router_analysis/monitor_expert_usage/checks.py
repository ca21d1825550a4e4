"""The checks of `monitor_expert_usage`: numbers in closed form from planted models."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch

from autograder.lab.bench import Bench
from autograder.lab.calls import Answer
from autograder.lab.compare import difference, is_number, kind_of
from autograder.lab.inputs import token_batch
from reference.moe_router_analysis.monitor_expert_usage.solution import exercise, measures


@exercise.law(points=1)
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


@exercise.law(points=1.5, hidden=True)
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


@exercise.law(points=1.5, hidden=True)
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


@exercise.law(points=1, hidden=True)
def leaves_the_model_as_it_was(answer: Answer, rng: np.random.Generator, bench: Bench) -> None:
    """Evaluates a model in training mode, and leaves no trace, not even when its forward raises"""
    model, batches = bench.model("mixtral"), [_batch(rng, [30, 20]), _batch(rng, [2])]
    modes = {module: module.training for module in model.modules()}
    try:
        for name, module in model.named_modules():
            module.training = not name.endswith("norm")
        logged = answer(model, batches)
    finally:
        for module, mode in modes.items():
            module.training = mode
    _compare(logged, bench, "mixtral", batches)
    assert not answer.left_behind, f"something was not left as it was: {answer.left_behind}"
    for number in logged[0].values():
        kept = isinstance(number, torch.Tensor) and number.requires_grad
        assert not kept, "a number still carries a gradient"
    assert answer.raises(RuntimeError, bench.failing("granitemoe"), batches), (
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


def _compare(logged: Any, bench: Bench, family: str, batches: list[dict[str, Any]]) -> None:
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
    assert not wrong, wrong
