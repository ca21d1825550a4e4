"""The checks of `compute_load_balancing_loss`."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import torch

from autograder import given
from autograder.authoring.given import Given
from moe_lab.inputs import ranked_logits
from moelab_kit import Answer
from reference.moe_router_analysis.compute_load_balancing_loss import exercise


@exercise.law(points=1, proves="value")
def one_when_uniform_and_e_when_collapsed(answer: Answer, rng: np.random.Generator) -> None:
    """The loss is 1 when all experts are used equally, and E when one takes everything."""
    rows = torch.from_numpy(rng.normal(size=(16, 1))).float()
    uniform = answer(rows.repeat(1, 8))
    assert isinstance(uniform, torch.Tensor), (
        f"asked for a scalar tensor, got {type(uniform).__name__}"
    )
    assert uniform.dim() == 0, f"asked for a scalar, got a tensor of shape {list(uniform.shape)}"
    assert abs(float(uniform) - 1) < 1e-4, (
        f"equal logits for 8 experts: the loss should be 1, not {float(uniform):.4f}. Take the "
        "softmax over experts, the mean over tokens, and multiply by the number of experts"
    )
    logits = rows.repeat(1, 8)
    logits[:, int(rng.integers(8))] += 40.0
    collapsed = float(answer(logits))
    assert abs(collapsed - 8) < 1e-3, (
        f"all probability on one of 8 experts: the loss should be 8, not {collapsed:.4f}"
    )


@exercise.agrees(points=1.5, proves=("value", "top-k"))
def random_logits(rng: np.random.Generator) -> Iterator[Given]:
    """Agrees with the reference on random logits, whatever top_k is."""
    yield given(ranked_logits(rng, 1, 2))
    yield given(ranked_logits(rng, 3, 4), 4)
    yield given(ranked_logits(rng, 24, 8), top_k=1)
    yield given(ranked_logits(rng, 40, 5), top_k=3)
    yield given(ranked_logits(rng, 9, 64))


@exercise.agrees(points=1.5, proves="gradient", gradient_of=0)
def gradient(rng: np.random.Generator) -> Iterator[Given]:
    """The gradient with respect to the logits is the gradient of the formula."""
    yield given(ranked_logits(rng, 4, 6))
    yield given(ranked_logits(rng, 12, 3))


@exercise.agrees(points=1, proves=("low-precision", "precision"))
def low_precision_and_large_logits(rng: np.random.Generator) -> Iterator[Given]:
    """Half-precision logits are computed in float32, and large logits do not overflow."""
    for dtype in (torch.bfloat16, torch.float16):
        for tokens in (2, 3, 5):
            yield given(ranked_logits(rng, tokens, 6, dtype))
        yield given(ranked_logits(rng, 600, 6, dtype))
    offsets = torch.tensor([[110.0], [-110.0], [0.0], [90.0]])
    yield given(ranked_logits(rng, 4, 6) + offsets)
    yield given(200 * ranked_logits(rng, 5, 7))


@exercise.law(points=1, proves=("wrong-arguments", "left-alone", "errors"), hidden=True)
def wrong_arguments(answer: Answer) -> None:
    """ValueError for a top_k outside 1..E and for no tokens; the logits stay as they were."""
    logits = torch.tensor([[math.log(3.0), 0.0]])
    value = answer(logits, top_k=2)
    assert isinstance(value, torch.Tensor), "the loss is not a tensor"
    assert abs(float(value) - 1.25) < 1e-4, "one token is enough: P is then its own softmax"
    assert not answer.left_behind, f"the call left something behind: {answer.left_behind}"
    for top_k in (0, -1, 3):
        assert answer.raises(ValueError, logits, top_k=top_k), (
            "a top_k outside 1..E was accepted; it should be a ValueError"
        )
    assert answer.raises(ValueError, torch.zeros(0, 2)), (
        "logits without tokens were accepted; they should be a ValueError"
    )
