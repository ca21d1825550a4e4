"""The checks of `router_z_loss`."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import torch

from autograder import given
from autograder.authoring.given import Given
from moe_lab.inputs import MASK_DTYPES, ranked_logits
from moelab_kit import Answer
from moelab_kit.compare import difference
from reference.moe_routing_in_practice.router_z_loss import exercise


@exercise.law(points=1, proves="value")
def by_hand(answer: Answer, rng: np.random.Generator) -> None:
    """Two tokens whose normaliser is known."""
    total = float(rng.uniform(8.0, 12.0))
    shares = torch.tensor([[0.2, 0.6, 0.1, 0.1], [0.4, 0.4, 0.05, 0.15]])
    logits = torch.log(total * shares)
    loss = answer(logits)
    assert isinstance(loss, torch.Tensor), f"asked for a scalar tensor, got {type(loss).__name__}"
    assert loss.dim() == 0, f"asked for a scalar, got a tensor of shape {list(loss.shape)}"
    expected = math.log(total) ** 2
    assert abs(float(loss) - expected) < 1e-4, (
        f"the exponentials of both tokens add up to {total:.4f}, so the loss is the square of "
        f"ln {total:.4f}, {expected:.4f}, "
        f"not {float(loss):.4f}"
    )


@exercise.agrees(points=1, proves="value")
def random_logits(rng: np.random.Generator) -> Iterator[Given]:
    """Agrees with the reference on random logits."""
    for tokens, experts in ((1, 2), (7, 5), (30, 16)):
        yield given(ranked_logits(rng, tokens, experts))
    yield given(ranked_logits(rng, 6, 4) - 5)


@exercise.agrees(points=1.5, proves=("gradient", "mask", "padding"), gradient_of=0)
def padding_and_gradient(rng: np.random.Generator) -> Iterator[Given]:
    """Value and gradient, with and without padding."""
    yield given(ranked_logits(rng, 6, 5))
    for real in (1, 4):
        logits = ranked_logits(rng, 7, 6)
        mask = torch.from_numpy(rng.permutation(7)) < real
        yield given(torch.where(mask[:, None], logits, 30 * logits), mask)
        for huge in (1e30, -1e30):
            yield given(torch.where(mask[:, None], logits, torch.full_like(logits, huge)), mask)


@exercise.agrees(points=1, proves=("mask", "masks"))
def kinds_of_masks(rng: np.random.Generator) -> Iterator[Given]:
    """A mask may be boolean, or hold 0 and 1 in any integer or float dtype, for many tokens."""
    for dtype in MASK_DTYPES:
        mask = torch.from_numpy(rng.permutation(8)) < 5
        yield given(ranked_logits(rng, 8, 4), token_mask=mask.to(dtype))
    for dtype, real in ((torch.bfloat16, 259), (torch.float16, 2051), (torch.int8, 259)):
        mask = torch.from_numpy(rng.permutation(real + 41)) < real  # rounds in a low precision
        yield given(ranked_logits(rng, real + 41, 4), mask.to(dtype))


@exercise.agrees(points=1, proves=("large-logits", "precision"))
def low_precision_and_large_logits(rng: np.random.Generator) -> Iterator[Given]:
    """Half-precision logits are computed in float32, and large logits do not overflow."""
    for dtype in (torch.bfloat16, torch.float16):
        for tokens in (1, 3):
            yield given(ranked_logits(rng, tokens, 6, dtype))
    yield given(ranked_logits(rng, 3, 6, torch.float16) * 3000)
    yield given(ranked_logits(rng, 3, 6) + torch.tensor([[1000.0], [-1000.0], [0.0]]))


@exercise.law(points=0.5, proves=("no-token", "unchanged"), hidden=True)
def no_real_token(answer: Answer) -> None:
    """Without a real token the loss is 0.0; the logits stay as they were."""
    logits = torch.tensor([[1.0, 1.0], [0.0, 0.0]])
    loss = answer(logits, torch.tensor([False, True]))
    wrong = difference(loss, torch.tensor(math.log(2) ** 2), where="the loss of a single token")
    assert not wrong, f"with one real token the loss is the square of its normaliser; {wrong}"
    assert not answer.left_behind, f"the call left something behind: {answer.left_behind}"
    nobody = [(logits, torch.zeros(2, dtype=dtype)) for dtype in MASK_DTYPES]
    for arguments in (*nobody, (logits[:0], None), (logits[:0].bfloat16(), torch.zeros(0))):
        loss = answer(*arguments)
        wrong = difference(loss, torch.tensor(0.0), where="the loss without a real token")
        assert not wrong, f"without a real token the loss is 0.0; {wrong}"
