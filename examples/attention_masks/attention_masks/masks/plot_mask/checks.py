"""The checks of `plot_mask`."""

from __future__ import annotations

import numpy as np
import torch

from attention_masks.masks.plot_mask import exercise
from moelab_kit import Answer
from moelab_kit.drawing import Panel
from moelab_kit.figures import drawn


@exercise.law(points=1, proves="image")
def small_mask(answer: Answer, rng: np.random.Generator) -> None:
    """Shows a small mask as an image."""
    mask, panel = _drawn(answer, rng, 4)
    shown = panel.shows_image(mask.float().numpy())
    assert shown, "the image does not show the mask: one row for each row, 1 where it is true"


@exercise.law(points=1, proves="image", hidden=True)
def random_mask(answer: Answer, shared_rng: np.random.Generator) -> None:
    """Shows a large mask, row by row and with nothing left out."""
    mask, panel = _drawn(answer, shared_rng, 24)
    assert panel.shows_image(mask.float().numpy()), "the image of a large mask is another one"


@exercise.law(points=1, proves="share", hidden=True)
def mean_line(answer: Answer, shared_rng: np.random.Generator) -> None:
    """Has a dashed line at the mean number of tokens listened to."""
    mask, panel = _drawn(answer, shared_rng, 24)
    mean = float(mask.float().sum(1).mean())
    assert panel.has_dashed_line("vertical", mean), "no dashed vertical line stands at the mean"


@exercise.law(points=1, proves="labels", hidden=True)
def labels(answer: Answer, shared_rng: np.random.Generator) -> None:
    """Has a title, and a label on each axis."""
    _, panel = _drawn(answer, shared_rng, 24)
    assert panel.images, "there is no image"
    assert panel.title, "the panel has no title"
    assert panel.xlabel, "the x axis has no label"
    assert panel.ylabel, "the y axis has no label"


def _drawn(answer: Answer, rng: np.random.Generator, length: int) -> tuple[torch.Tensor, Panel]:
    """A mask whose rows and columns differ, and the panel that the answer draws of it."""
    mask = torch.from_numpy(rng.random((length, length)) < 0.3)
    mask[:, 0], mask[0, 1:] = True, False
    return mask, drawn(answer(mask)).first(1)[0]
