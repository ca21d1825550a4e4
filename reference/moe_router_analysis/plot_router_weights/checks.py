"""The checks of `plot_router_weights`."""

from __future__ import annotations

import numpy as np
import torch

from moelab_kit import Answer
from moelab_kit.drawing import same_values
from moelab_kit.figures import drawn
from reference.moe_router_analysis.plot_router_weights import exercise


@exercise.law(points=1, proves=("norms", "weights", "similarity", "spread"))
def four_panels(answer: Answer, rng: np.random.Generator) -> None:
    """Four panels: bars of the norms, the weights, the similarities, bars of the spread."""
    rows = [[3.0, 4.0, 0.0, 0.0], [0.0, 0.0, 2.0, 0.0], [-4.0, 4.0, 0.0, -7.0]]
    scale = float(rng.uniform(0.5, 2.0))
    weights = scale * torch.tensor(rows)
    norms, weight_image, similarity, spread = drawn(answer(weights)).first(4)
    assert norms.bars, "panel 1 has no bars: draw a bar for the norm of each expert's row"
    heights = norms.bar_values(3)
    assert same_values(heights, scale * np.array([5.0, 2.0, 9.0])), (
        f"{scale:.4g} times the rows (3, 4, 0, 0), (0, 0, 2, 0) and (-4, 4, 0, -7) has {scale:.4g} "
        "times the norms 5, 2 and 9, but the bars of panel 1 show "
        f"{', '.join(f'{height:.4g}' for height in heights)}. "
        "One norm for each row?"
    )
    assert weight_image.images, "panel 2 has no image: show the weights with `imshow`"
    shape = weight_image.images[0].shape
    assert weight_image.shows_image(weights.numpy()), (
        f"the image of panel 2, of shape {list(shape)}, does not show the [3, 4] weights: draw the "
        "matrix itself, one row for each expert"
    )
    assert any(image.shape == (3, 3) for image in similarity.images), (
        "panel 3 has no 3 × 3 image: show the similarity of each pair of experts"
    )
    assert len(spread.bar_values(3)) == 3


@exercise.law(points=1.5, proves=("norms", "spread"), hidden=True)
def bars_and_mean_line(answer: Answer, shared_rng: np.random.Generator) -> None:
    """Bars of norms and sample standard deviations, and a dashed line at the mean norm."""
    weights = _wide_weights(shared_rng)
    values = _norms(weights)
    norms, _, _, spread = drawn(answer(weights)).first(4)
    assert same_values(norms.bar_values(9), values), "a bar of panel 1 does not show the norm"
    assert norms.lines, "the panel of the norms has no line"
    assert norms.has_dashed_line("horizontal", float(values.mean())), (
        "no dashed horizontal line lies at the mean of the norms"
    )
    assert same_values(spread.bar_values(9), weights.double().std(dim=1).numpy()), (
        "the bars of panel 4 do not show the sample standard deviation of each row"
    )


@exercise.law(
    points=1.5, proves=("weights", "similarity", "labels", "unchanged", "figures"), hidden=True
)
def images_and_labels(answer: Answer, shared_rng: np.random.Generator) -> None:
    """Images of the first 100 columns and of the similarities (0 for a row of zeros); labels."""
    weights = _wide_weights(shared_rng)
    similarity = _similarity(weights)
    similarity[4, 4] = np.nan
    drawing = drawn(answer(weights))
    _, shown, compared, _ = drawing.first(4)
    assert shown.shows_image(weights[:, :100].numpy()), (
        "the image of the weights does not show the first 100 columns"
    )
    assert compared.shows_image(similarity), (
        "the image of the similarities does not show the cosine of each pair of rows, "
        "which is 0 where a row is zero"
    )
    assert not drawing.unlabelled(4), drawing.unlabelled(4)
    assert not answer.left_behind, f"the call left something behind: {answer.left_behind}"


@exercise.law(points=1, proves="low-precision", hidden=True)
def half_precision(answer: Answer, rng: np.random.Generator) -> None:
    """Weights in bfloat16 and float16 are drawn with the precision of float32."""
    for dtype, scale in ((torch.bfloat16, 1.0), (torch.float16, 600.0)):
        weights = (_weights(rng, 6, 20) * scale).to(dtype)
        norms, shown, compared, spread = drawn(answer(weights)).first(4)
        assert same_values(norms.bar_values(6), _norms(weights)), (
            "the norms of half-precision weights are not as exact as float32 makes them"
        )
        assert same_values(spread.bar_values(6), weights.double().std(dim=1).numpy()), (
            "the standard deviations of half-precision weights are not as exact as float32 "
            "makes them"
        )
        assert norms.has_dashed_line("horizontal", float(_norms(weights).mean())), (
            "no dashed horizontal line lies at the mean of the norms"
        )
        assert shown.shows_image(weights.float().numpy()), (
            "the image does not show the weights, one row for each expert"
        )
        assert compared.shows_image(_similarity(weights)), (
            "the similarities of half-precision weights are not as exact as float32 makes them"
        )


def _wide_weights(rng: np.random.Generator) -> torch.Tensor:
    """Weights [9, 130] with a row of zeros."""
    weights = _weights(rng, 9, 130)
    weights[4] = 0
    return weights


def _weights(rng: np.random.Generator, experts: int, columns: int) -> torch.Tensor:
    """Rows of very different norms, so that their mean is not their median."""
    scales = rng.permutation(1.5 ** np.arange(experts))[:, None]
    rows = rng.normal(loc=0.3, size=(experts, columns)) * scales
    return torch.from_numpy(rows.astype(np.float32))


def _norms(weights: torch.Tensor) -> np.ndarray:
    return np.asarray(weights.double().square().sum(dim=1).sqrt().numpy())


def _similarity(weights: torch.Tensor) -> np.ndarray:
    rows = weights.double().numpy()
    norms = np.sqrt(np.square(rows).sum(axis=1))
    norms[norms == 0] = 1
    rows = rows / norms[:, None]
    return np.asarray(rows @ rows.T)
