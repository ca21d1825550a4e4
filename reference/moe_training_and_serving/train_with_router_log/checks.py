"""The checks of `train_with_router_log`."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch

from autograder import Tolerance, given
from autograder.authoring.given import Given
from moe_lab.bench import Bench
from moe_lab.drawn import Recipe
from moe_lab.inputs import token_batch
from moelab_kit import Answer
from moelab_kit.compare import difference, is_number, kind_of
from reference.moe_training_and_serving._routers import routers_of, watching
from reference.moe_training_and_serving.train_with_router_log import (
    descend,
    exercise,
    measured,
    train_with_router_log,
)

Batch = dict[str, Any]

LOSS = Tolerance(1e-4, 1e-5)
_CLEAR = 4e-3  # between the last router logit that is chosen and the next
_ATTEMPTS = 300


@exercise.law(points=2, proves=("language-loss", "max-violation", "dead-experts"))
def measures_one_batch(answer: Answer, rng: np.random.Generator, bench: Bench) -> None:
    """Logs the loss that the model itself computes, and what its routers do"""
    model = bench.drawn(Recipe(family="olmoe", seed=int(rng.integers(2**31))))
    ids, mask = token_batch(rng, [9, 5])
    with torch.no_grad():
        labels = ids.masked_fill(mask == 0, -100)
        output = model(ids, attention_mask=mask, labels=labels, output_router_logits=True)
        right = model(ids, attention_mask=mask, labels=labels, output_router_logits=False).loss
    log = answer(model, [{"input_ids": ids, "attention_mask": mask}])
    assert isinstance(log, list), f"asked for a list of dicts, got {kind_of(log)}"
    assert len(log) == 1, f"one batch should give one dict, not {len(log)}"
    (numbers,) = log
    assert isinstance(numbers, dict), f"each batch should give a dict, not {kind_of(numbers)}"
    for key in ("language_loss", "balance_loss", "max_violation", "dead_experts"):
        assert key in numbers, f"the key {key!r} is missing"
    for key in ("language_loss", "balance_loss"):
        assert is_number(numbers[key]), f"{key!r} should be a number, not {kind_of(numbers[key])}"
    value = float(numbers["language_loss"])
    assert abs(value - float(right)) < 1e-3, (
        f"the next-token loss of this batch is {float(right):.4f}, not {value:.4f}: the prediction "
        "at position t is for the token at t + 1, and padding is no target"
    )
    for index, logits in enumerate(output.router_logits):
        chosen = logits[mask.flatten() == 1].topk(model.config.num_experts_per_tok).indices
        counts = torch.bincount(chosen.flatten(), minlength=logits.shape[1])
        for key, wanted in (
            ("max_violation", float(counts.max() / counts.float().mean()) - 1),
            ("dead_experts", int((counts == 0).sum())),
        ):
            listed = numbers[key]
            assert isinstance(listed, list), f"{key!r} should be a list, not {kind_of(listed)}"
            assert len(listed) == len(output.router_logits), (
                f"{key!r} should have a number for each of {len(output.router_logits)} routers"
            )
            wrong = difference(listed[index], wanted, LOSS, f"{key!r} of router {index}")
            assert not wrong, (
                f"router {index} gave its experts {counts.tolist()} real tokens, so {key!r} is "
                f"{wanted:.4g}: {wrong}"
            )


@exercise.law(points=1.5, proves=("sgd", "before-the-step"))
def one_small_step(answer: Answer, rng: np.random.Generator, bench: Bench) -> None:
    """A small step lowers the loss by the learning rate times the squared norm of the gradient"""
    model = bench.drawn(Recipe(family="qwen2_moe", seed=int(rng.integers(2**31))))
    ids, mask = token_batch(rng, [8, 8])
    batch, lr = {"input_ids": ids, "attention_mask": mask}, 1e-3
    learner = copy.deepcopy(model).requires_grad_(True)
    loss = learner(ids, attention_mask=mask, labels=ids, output_router_logits=False).loss
    loss.backward()
    grads = [each.grad for each in learner.parameters() if each.grad is not None]
    expected = lr * float(sum((grad.double() ** 2).sum() for grad in grads))
    log = answer(model, [batch, batch], alpha=0.0, lr=lr)
    assert isinstance(log, list), f"asked for a list of dicts, got {kind_of(log)}"
    assert len(log) == 2, f"two batches should give two dicts, not {len(log)}"
    before, after = (float(numbers["language_loss"]) for numbers in log)
    assert abs(before - loss.item()) < 1e-3, (
        f"the first dict is measured before any step, when the loss is {loss.item():.4f}, "
        f"not {before:.4f}"
    )
    assert abs(before - after - expected) < 0.15 * expected, (
        f"the same batch twice, alpha=0, lr={lr}: the step should lower the loss by about "
        f"lr · ‖∇‖² = {expected:.4f}, where ∇ is the gradient for *all* parameters; it went from "
        f"{before:.4f} to {after:.4f}"
    )


@exercise.agrees(
    points=3,
    proves=("language-loss", "balance-loss", "max-violation", "dead-experts", "real-tokens"),
    tolerance=LOSS,
)
def padded_batches_of_each_family(rng: np.random.Generator, bench: Bench) -> Iterator[Given]:
    """Agrees with the reference over several steps on padded batches, in each family"""
    for family in bench.softmax_families:
        model = bench.drawn(_recipe(rng, family))
        shapes = ([7, 2, 10], [2], [5, 9])
        yield given(model, _clear(rng, model, shapes, 0.5, 0.1), 0.5, 0.1)


@exercise.agrees(points=2, proves=("gradient", "sgd", "all-parameters"), tolerance=LOSS)
def weights_and_rates(rng: np.random.Generator, bench: Bench) -> Iterator[Given]:
    """Takes the steps of the objective: alpha weighs the balance loss, lr the step"""
    shapes = ([8, 8], [8, 8], [6, 8])
    for family, alpha, lr in (("olmoe", 3.0, 0.3), ("qwen3_moe", 2.0, 0.2), ("mixtral", 0.0, 0.5)):
        model = bench.drawn(_recipe(rng, family, experts=7))
        yield given(model, _clear(rng, model, shapes, alpha, lr), alpha=alpha, lr=lr)
    model = bench.drawn(_recipe(rng, "qwen2_moe", experts=5))
    yield given(model, _clear(rng, model, shapes, 0.01, 0.1))


@exercise.law(points=2, proves=("copy", "all-parameters"), hidden=True)
def trains_a_copy_in_float32(answer: Answer, rng: np.random.Generator, bench: Bench) -> None:
    """Trains a copy in float32, frozen parameters too, and leaves the model as it was"""
    for family, settings in (
        ("olmoe", {"frozen": True, "gradients": True, "training": "part"}),
        ("qwen2_moe", {"dtype": "bfloat16", "frozen": True}),
        ("mixtral", {"dtype": "float16", "gradients": True, "training": "all"}),
    ):
        model = bench.drawn(_recipe(rng, family, **settings))
        batches = _clear(rng, model, ([8, 8], [6, 8]), 1.0, 1.0)
        log = answer(model, batches, 1.0, 1.0)
        left_behind = answer.left_behind
        assert isinstance(log, list), f"asked for a list of dicts, got {kind_of(log)}"
        right = train_with_router_log(model, batches, 1.0, 1.0)
        # The last step tells the most, and of its numbers the balance loss.
        telling = [{"balance_loss": one["balance_loss"], **one} for one in reversed(right)]
        wrong = difference(log[::-1], telling, LOSS)
        assert not wrong, (
            "all parameters of a copy are trained in float32, whatever dtype and requires_grad "
            f"are in the model; {wrong}"
        )
        assert not left_behind, f"the model was not left as it was: {left_behind}"


@exercise.law(points=1.5, proves=("batches", "no-batches", "no-routers", "inputs"), hidden=True)
def any_batches(answer: Answer, rng: np.random.Generator, bench: Bench) -> None:
    """Takes any iterable of batches with other keys; without batches the log is empty"""
    model = bench.drawn(_recipe(rng, "olmoe"))
    batches = _clear(rng, model, ([6, 6], [4, 6]), 0.01, 0.1)
    right = train_with_router_log(model, batches)
    more = [
        {"text": ["a", "b"], **batch, "position_ids": torch.zeros_like(batch["input_ids"])}
        for batch in batches
    ]
    for told in (tuple(more), (batch for batch in more)):
        wrong = difference(answer(model, told), right, LOSS)
        assert not wrong, (
            "batches may be any iterable, and keys besides input_ids and attention_mask are "
            f"ignored; {wrong}"
        )
        assert not answer.left_behind, f"the call left something behind: {answer.left_behind}"
    wrong = difference(answer(model, []), [])
    assert not wrong, f"no batches give an empty list; {wrong}"
    assert answer.raises(ValueError, bench.dense(), batches), (
        "a model without routers was accepted; it should be a ValueError"
    )


def _recipe(rng: np.random.Generator, family: str, **settings: Any) -> Recipe:
    """A model of this family, without dropout and jitter, with weights of its own."""
    return Recipe(family=family, seed=int(rng.integers(2**31)), **settings)


def _clear(
    rng: np.random.Generator, model: Any, shapes: Sequence[list[int]], alpha: float, lr: float
) -> list[Batch]:
    """Batches on which no decision of a router is close, at any step of the training."""
    learner = copy.deepcopy(model).float().requires_grad_(True)
    batches = []
    for lengths in shapes:
        batch = _clear_batch(rng, learner, lengths)
        language, balances, _ = measured(learner, batch)
        descend(learner, language + alpha * torch.stack(balances).mean(), lr)
        batches.append(batch)
    return batches


def _clear_batch(rng: np.random.Generator, learner: Any, lengths: list[int]) -> Batch:
    routers = routers_of(learner)
    for _ in range(_ATTEMPTS):
        ids, mask = token_batch(rng, lengths, padding_id=None)
        with watching(routers) as seen, torch.no_grad():
            learner(input_ids=ids, attention_mask=mask)
        if all(
            _margin(call.logits[mask.flatten() == 1], call.chosen) > _CLEAR
            for call in seen.values()
        ):
            return {"input_ids": ids, "attention_mask": mask}
    raise RuntimeError("no batch found on which every decision is clear")


def _margin(logits: torch.Tensor, chosen: torch.Tensor) -> float:
    ranked = logits.sort(dim=-1, descending=True).values
    k = chosen.shape[1]
    return float((ranked[:, k - 1] - ranked[:, k]).min())
