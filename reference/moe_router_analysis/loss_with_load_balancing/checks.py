"""The checks of `loss_with_load_balancing`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch.nn import functional

from autograder import Tolerance, given
from autograder.authoring.given import Given
from moe_lab.bench import Bench
from moe_lab.inputs import token_batch
from moelab_kit.calls import Answer
from moelab_kit.compare import difference, kind_of
from reference.moe_router_analysis._drawn import draw, first_of, saying
from reference.moe_router_analysis.loss_with_load_balancing import (
    exercise,
    loss_with_load_balancing,
)

LOSS = Tolerance(1e-4, 1e-5)
LOW = Tolerance(1e-3, 1e-4)
FAR = 4  # tolerances, and the whole loss is at most 1 larger than the cross-entropy
GRADIENT = Tolerance(2e-3, 2e-6)  # float32 through a whole model, in any order of summation
EMBEDDING = "model.embed_tokens.weight"


@exercise.law(points=1, proves=("scalar", "next-token"))
def without_alpha_it_is_the_models_loss(
    answer: Answer, rng: np.random.Generator, bench: Bench
) -> None:
    """With alpha = 0 and no padding it is the next-token loss that the model itself computes"""
    model = bench.random("qwen2_moe")
    ids, _ = token_batch(rng, [9, 9])
    with torch.no_grad():
        right = float(model(input_ids=ids, labels=ids, output_router_logits=False).loss)
    loss = answer(model, ids, None, alpha=0.0)
    assert isinstance(loss, torch.Tensor), f"asked for a scalar tensor, got {kind_of(loss)}"
    assert loss.dim() == 0, f"asked for a scalar tensor, got {kind_of(loss)}"
    value = float(loss.detach())
    assert abs(value - right) < 1e-3, (
        f"the next-token loss of this batch is {right:.4f}, not {value:.4f}: the prediction "
        "at position t is for the token at t + 1, averaged over all predictions"
    )


@exercise.law(points=0.5, proves="auxiliary", after=(without_alpha_it_is_the_models_loss,))
def alpha_weighs_the_auxiliary_loss(answer: Answer, rng: np.random.Generator, bench: Bench) -> None:
    """Adds alpha times the mean switch loss of the layers to the next-token loss"""
    model = bench.model("mixtral")
    ids, mask = token_batch(rng, [9, 9])
    with torch.no_grad():
        plain = float(model(input_ids=ids, labels=ids, output_router_logits=False).loss)
    layers = []
    for index in range(model.config.num_hidden_layers):
        used = bench.expected_counts("mixtral", index, ids).double()
        mean = bench.expected_logits("mixtral", index, ids).double().softmax(-1).mean(0)
        layers.append(float(used / used.sum() @ mean) * len(mean))
    auxiliary = sum(layers) / len(layers)
    for alpha in (0.5, 1.0):
        loss = answer(model, ids, mask, alpha=alpha)
        wrong = difference(loss, torch.tensor(plain + alpha * auxiliary), LOSS, "the loss")
        assert not wrong, (
            f"{wrong}: the next-token loss is {plain:.4f} and the mean switch loss of the layers "
            f"{auxiliary:.4f}, so with alpha = {alpha} it should be "
            f"{plain + alpha * auxiliary:.4f}, not {float(torch.as_tensor(loss).detach()):.4f}"
        )


@exercise.agrees(
    points=2,
    proves=("next-token", "auxiliary", "once", "mask-alone"),
    compare=saying(
        "only real targets are predicted, only real tokens are balanced, and the model's own k "
        "and the mean over layers count; the model's own auxiliary loss does not add to it",
        LOSS,
    ),
)
def padded_batches(rng: np.random.Generator, bench: Bench) -> Iterator[Given]:
    """Agrees with the reference on padded batches in each family"""
    for family in bench.softmax_families:
        yield given(bench.random(family), *token_batch(rng, [7, 2, 11], padding_id=None), 1.0)
    ids, mask = token_batch(rng, [8, 4])
    yield given(bench.random("olmoe"), ids)
    yield given(bench.random("olmoe"), ids, attention_mask=mask, alpha=0.0)


@exercise.agrees(
    points=1,
    proves="differentiable",
    tolerance=GRADIENT,
    gradient_of=(EMBEDDING, "model.layers.1.mlp.gate.weight"),
)
def gradient_in_mixtral_and_olmoe(rng: np.random.Generator, bench: Bench) -> Iterator[Given]:
    """The gradient reaches embeddings and routers (Mixtral, OLMoE)"""
    for family in ("mixtral", "olmoe"):
        yield given(bench.random(family), *token_batch(rng, [5, 5]), alpha=2.0)


@exercise.agrees(
    points=0.5,
    proves="differentiable",
    tolerance=GRADIENT,
    gradient_of=(EMBEDDING, "model.layers.3.mlp.gate.weight"),
)
def gradient_in_qwen(rng: np.random.Generator, bench: Bench) -> Iterator[Given]:
    """The gradient reaches embeddings and routers (Qwen2-MoE, Qwen3-MoE)"""
    for family in ("qwen2_moe", "qwen3_moe"):
        yield given(bench.random(family), *token_batch(rng, [5, 5]), alpha=2.0)


@exercise.agrees(
    points=1.5,
    proves="mode",
    compare=saying(
        "a training loss runs the model in the mode in which it is found, part by part", LOSS
    ),
)
def runs_in_the_mode_it_finds(rng: np.random.Generator, bench: Bench) -> Iterator[Given]:
    """Runs each part of the model in the mode in which it finds it: dropout belongs to the loss"""
    for family, training in (("mixtral", "all"), ("olmoe", "part"), ("qwen3_moe", "all")):
        model = bench.drawn(draw(rng, family, dropout=1.0, training=training))
        yield given(model, *token_batch(rng, [9, 5]), 1.0)


@exercise.law(points=1, proves="left-as-it-was", hidden=True)
def leaves_the_model_as_it_was(answer: Answer, rng: np.random.Generator, bench: Bench) -> None:
    """Leaves no trace in a model that is being trained, not even when its forward raises"""
    ids, mask = token_batch(rng, [9, 9])
    for dtype, tolerance in (("float32", LOSS), ("bfloat16", Tolerance(2e-2, 0))):
        settings = {"training": "part", "frozen": True, "gradients": True}
        model = bench.drawn(draw(rng, "olmoe", dtype=dtype, **settings))
        with torch.no_grad():
            right = float(loss_with_load_balancing(model, ids, mask, alpha=1.0))
        loss = answer(model, ids, mask, alpha=1.0)
        wrong = difference(loss, right, tolerance, "the loss")
        assert not wrong, f"a model that is being trained has the same loss as any other; {wrong}"
        assert not answer.left_behind, f"the model was not left as it was: {answer.left_behind}"
    for family, error in (("olmoe", ValueError), ("mixtral", RuntimeError)):
        failing = bench.drawn(draw(rng, family, raises=error.__name__, training="part"))
        assert answer.raises(error, failing, ids, mask), (
            "an exception from the model's forward should reach the caller"
        )
        assert not answer.left_behind, (
            f"after a forward that raised, the model was not left as it was: {answer.left_behind}"
        )


@exercise.agrees(points=0.5, proves=("scalar", "precision"), tolerance=LOW)
def low_precision(rng: np.random.Generator, bench: Bench) -> Iterator[Given]:
    """Computes the loss of a model in bfloat16 in float32"""
    for family in ("olmoe", "qwen2_moe"):
        model = bench.model(family, torch.bfloat16)
        yield given(model, *_batch_that_tells(rng, model), 0.5)
    for name in bench.softmax_models[len(bench.softmax_families) :]:
        yield given(bench.model(name), *token_batch(rng, [7, 7]), 0.5)


def _batch_that_tells(rng: np.random.Generator, model: Any) -> tuple[torch.Tensor, torch.Tensor]:
    """A batch whose cross-entropy is far off where it is computed in the model's own precision."""

    def attempt() -> tuple[torch.Tensor, torch.Tensor] | None:
        ids, mask = token_batch(rng, [7, 7])
        with torch.no_grad():
            scores = model(input_ids=ids, attention_mask=mask).logits[:, :-1].flatten(0, 1)
        right = float(functional.cross_entropy(scores.float(), ids[:, 1:].flatten()))
        rounded = float(functional.cross_entropy(scores, ids[:, 1:].flatten()))
        far = abs(rounded - right) > FAR * (LOW.atol + LOW.rtol * (right + 1))
        return (ids, mask) if far else None

    found: tuple[torch.Tensor, torch.Tensor] = first_of(attempt)
    return found
