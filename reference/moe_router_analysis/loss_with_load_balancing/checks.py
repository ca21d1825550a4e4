"""The checks of `loss_with_load_balancing`."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch

from autograder import Tolerance, given
from autograder.authoring.given import Given
from autograder.lab.bench import Bench
from autograder.lab.calls import Answer
from autograder.lab.compare import difference, kind_of
from autograder.lab.inputs import token_batch
from reference.moe_router_analysis.loss_with_load_balancing.solution import exercise

LOSS = Tolerance(1e-4, 1e-5)
GRADIENT = Tolerance(2e-3, 2e-6)  # float32 through a whole model, in any order of summation
EMBEDDING = "model.embed_tokens.weight"


@exercise.law(points=1)
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


@exercise.law(points=0.5, after=(without_alpha_it_is_the_models_loss,))
def alpha_weighs_the_auxiliary_loss(answer: Answer, rng: np.random.Generator, bench: Bench) -> None:
    """Twice the alpha gives twice the auxiliary term, which is between 0 and E"""
    model = bench.random("mixtral")
    ids, mask = token_batch(rng, [9, 9])
    losses = [answer(model, ids, mask, alpha=alpha) for alpha in (0.0, 0.5, 1.0)]
    plain, once, twice = (float(loss.detach()) for loss in losses)
    experts = model.config.num_local_experts
    assert 0 < once - plain <= experts / 2, (
        f"with alpha = 0.5 the auxiliary term is {once - plain:.4f}; 0.5 times a switch loss, "
        f"which is at most E = {experts}, was asked for"
    )
    assert abs(twice - plain - 2 * (once - plain)) < 1e-3, (
        f"alpha = 0.5 adds {once - plain:.4f}, but alpha = 1 adds {twice - plain:.4f}: "
        "not twice as much"
    )


@exercise.agrees(points=2.5, tolerance=LOSS)
def padded_batches(rng: np.random.Generator, bench: Bench) -> Iterator[Given]:
    """Agrees with the reference on padded batches in each family"""
    for family in bench.softmax_families:
        yield given(bench.random(family), *token_batch(rng, [7, 2, 11], padding_id=None), 1.0)
    ids, mask = token_batch(rng, [8, 4])
    yield given(bench.random("olmoe"), ids)
    yield given(bench.random("olmoe"), ids, attention_mask=mask, alpha=0.0)


@exercise.agrees(
    points=1, tolerance=GRADIENT, gradient_of=(EMBEDDING, "model.layers.1.mlp.gate.weight")
)
def gradient_in_mixtral_and_olmoe(rng: np.random.Generator, bench: Bench) -> Iterator[Given]:
    """The gradient reaches embeddings and routers (Mixtral, OLMoE)"""
    for family in ("mixtral", "olmoe"):
        yield given(bench.random(family), *token_batch(rng, [5, 5]), alpha=2.0)


@exercise.agrees(
    points=1, tolerance=GRADIENT, gradient_of=(EMBEDDING, "model.layers.3.mlp.gate.weight")
)
def gradient_in_qwen(rng: np.random.Generator, bench: Bench) -> Iterator[Given]:
    """The gradient reaches embeddings and routers (Qwen2-MoE, Qwen3-MoE)"""
    for family in ("qwen2_moe", "qwen3_moe"):
        yield given(bench.random(family), *token_batch(rng, [5, 5]), alpha=2.0)


@exercise.law(points=1.5, hidden=True)
def leaves_the_model_as_it_was(answer: Answer, rng: np.random.Generator, bench: Bench) -> None:
    """Evaluates a model in training mode, and leaves no trace, not even when its forward raises"""
    model = bench.model("mixtral")
    ids, mask = token_batch(rng, [30, 30])
    right = answer(model, ids, mask, alpha=1.0)
    with torch.no_grad():
        language = model(input_ids=ids, labels=ids, output_router_logits=False).loss
    wrong = difference(answer(model, ids, alpha=0), language, LOSS, "the next-token loss")
    assert not wrong, wrong
    modes = {module: module.training for module in model.modules()}
    try:
        for name, module in model.named_modules():
            module.training = not name.endswith("norm")
        loss = answer(model, ids, mask, alpha=1.0)
    finally:
        for module, mode in modes.items():
            module.training = mode
    assert not answer.left_behind, f"the model was not left as it was: {answer.left_behind}"
    wrong = difference(loss, right, LOSS, "the loss of a model in training mode")
    assert not wrong, wrong
    assert answer.raises(RuntimeError, bench.failing("olmoe"), ids, mask), (
        "an exception from the model's forward should reach the caller"
    )
    assert not answer.left_behind, (
        f"after a forward that raised, the model was not left as it was: {answer.left_behind}"
    )


@exercise.agrees(points=0.5, tolerance=Tolerance(1e-3, 1e-4))
def low_precision(rng: np.random.Generator, bench: Bench) -> Iterator[Given]:
    """Computes the loss of a model in bfloat16 in float32"""
    yield given(bench.model("olmoe", torch.bfloat16), *token_batch(rng, [7, 7]), 0.5)
    yield given(bench.model("qwen2_moe", torch.bfloat16), *token_batch(rng, [7, 7]), 0.5)
    for name in bench.softmax_models[len(bench.softmax_families) :]:
        yield given(bench.model(name), *token_batch(rng, [7, 7]), 0.5)
