"""The checks of `compute_switch_loss`."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch

from autograder import given
from autograder.authoring.given import Given
from moe_lab.inputs import ranked_logits
from moelab_kit import Answer
from moelab_kit.compare import difference
from reference.moe_router_analysis.compute_switch_loss import exercise

_INTEGERS = (torch.bool, torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64)
_MASK_DTYPES = (*_INTEGERS, torch.bfloat16, torch.float16, torch.float32, torch.float64)
_MANY = 700  # tokens: their number is exact in no half precision, nor in 8 bits


@exercise.law(points=1, proves="value")
def one_when_uniform(answer: Answer, rng: np.random.Generator) -> None:
    """A uniform router has loss 1 for every top_k; two tokens have the loss of the formula."""
    for top_k in (1, 2, 3):
        rows = torch.from_numpy(rng.normal(size=(10, 1))).float()
        uniform = answer(rows.repeat(1, 6), top_k=top_k)
        assert isinstance(uniform, torch.Tensor), (
            f"asked for a scalar tensor, got {type(uniform).__name__}"
        )
        assert uniform.dim() == 0, f"asked for a scalar, got shape {list(uniform.shape)}"
        assert abs(float(uniform) - 1) < 1e-4, (
            f"equal logits for 6 experts and top_k={top_k}: the loss should be 1, not "
            f"{float(uniform):.4f}. The shares f add up to 1: divide by all T·k slots"
        )
    probabilities = torch.tensor([[0.7, 0.2, 0.1], [0.1, 0.3, 0.6]])
    value = float(answer(probabilities.log(), top_k=1))
    assert abs(value - 1.125) < 1e-4, (
        "for the probabilities (0.7, 0.2, 0.1) and (0.1, 0.3, 0.6) and top_k=1, f is (½, 0, ½) and "
        f"P is (0.4, 0.25, 0.35), so the loss is 3 · (0.2 + 0.175) = 1.125, not {value:.4f}"
    )


@exercise.agrees(points=2, proves="value")
def random_logits(rng: np.random.Generator) -> Iterator[Given]:
    """Agrees with the reference on random logits and every kind of top_k."""
    yield given(ranked_logits(rng, 12, 8))
    yield given(ranked_logits(rng, 7, 5), 3)
    yield given(ranked_logits(rng, 9, 4), top_k=4)
    yield given(ranked_logits(rng, 1, 2), top_k=1)
    yield given(ranked_logits(rng, 30, 64), top_k=6)


@exercise.agrees(points=1, proves="gradient", gradient_of=0)
def gradient(rng: np.random.Generator) -> Iterator[Given]:
    """The gradient flows through the probabilities, and through nothing else."""
    yield given(ranked_logits(rng, 6, 5))
    yield given(ranked_logits(rng, 10, 8), top_k=3)


@exercise.agrees(points=1.5, proves=("padding", "mask"), gradient_of=0)
def padding(rng: np.random.Generator) -> Iterator[Given]:
    """Padding changes neither the value nor the gradient, whatever its rows hold."""
    for real in (1, 4, 9):
        logits = ranked_logits(rng, 9, 6)
        mask = torch.from_numpy(rng.permutation(9)) < real
        yield given(torch.where(mask[:, None], logits, 30 * logits), top_k=2, token_mask=mask)
        huge = torch.where(mask[:, None], logits, 1e30 * logits.sign() + logits)
        yield given(huge, top_k=2, token_mask=mask)
        yield given(torch.where(mask[:, None], logits, 1e30), top_k=2, token_mask=mask)
    yield given(ranked_logits(rng, 5, 4), 1, torch.tensor([False, True, True, False, True]))


@exercise.agrees(points=1, proves="mask")
def kinds_of_masks(rng: np.random.Generator) -> Iterator[Given]:
    """A mask may be boolean, or hold 0 and 1 in any integer or float dtype, for many tokens too."""
    for dtype in _MASK_DTYPES:
        mask = torch.from_numpy(rng.permutation(7)) < 4
        yield given(ranked_logits(rng, 7, 5), token_mask=mask.to(dtype))
        real = int(rng.integers(515, 520)) // 2 * 2 + 1
        mask = torch.from_numpy(rng.permutation(_MANY)) < real
        yield given(ranked_logits(rng, _MANY, 5), token_mask=mask.to(dtype))


@exercise.agrees(points=0.5, proves=("low-precision", "largest-logits", "precision"))
def low_precision_and_large_logits(rng: np.random.Generator) -> Iterator[Given]:
    """Half precision is computed in float32; logits may be far apart: all k count."""
    for dtype in (torch.bfloat16, torch.float16):
        for tokens in (2, 3, 5):
            yield given(ranked_logits(rng, tokens, 6, dtype))
        yield given(ranked_logits(rng, 300, 6, dtype), top_k=3)
    mask = torch.tensor([True, True, False, True])
    yield given(ranked_logits(rng, 4, 6, torch.bfloat16), token_mask=mask)
    offsets = torch.tensor([[110.0], [-110.0], [0.0], [90.0]])
    yield given(ranked_logits(rng, 4, 6) + offsets)
    yield given(1600 * ranked_logits(rng, 60, 8), top_k=3)


@exercise.law(points=1, proves=("no-token", "wrong-top-k", "unchanged", "errors"), hidden=True)
def no_real_token_and_wrong_arguments(answer: Answer) -> None:
    """Without a real token the loss is 0.0; a top_k outside 1..E is a ValueError."""
    logits = torch.tensor([[3.0, 1.0], [1.0, 3.0], [6.0, 1.0]]).log()
    value = answer(logits, top_k=1)
    wrong = difference(value, torch.tensor(68 / 63), where="E times the sum of f times P")
    assert not wrong, f"f counts the slots that go to an expert, P is its mean probability; {wrong}"
    assert not answer.left_behind, f"the call left something behind: {answer.left_behind}"
    for nothing in (torch.zeros(3, dtype=torch.bool), torch.zeros(3, dtype=torch.int64)):
        value = answer(logits, top_k=2, token_mask=nothing)
        wrong = difference(value, torch.tensor(0.0), where="the loss without a real token")
        assert not wrong, f"without a real token there is nothing to balance; {wrong}"
        assert not answer.left_behind, f"the call left something behind: {answer.left_behind}"
    for top_k in (0, -1, 3):
        assert answer.raises(ValueError, logits, top_k=top_k), (
            "a top_k outside 1..E was accepted; it should be a ValueError"
        )
        for nothing in (torch.zeros(3, dtype=torch.bool), torch.zeros(3)):
            assert answer.raises(ValueError, logits, top_k=top_k, token_mask=nothing), (
                "a top_k outside 1..E was accepted without a real token; look at top_k first"
            )
