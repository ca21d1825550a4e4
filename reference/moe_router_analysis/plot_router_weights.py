r"""# Pictures of a router's weights

One look often tells more than a table. Draw what `router_weight_statistics` computes, in one figure
of four panels. For weights of shape [E, d], in this order:

1. **Norms**: a bar for each expert, as high as the L2 norm of its row, and a dashed horizontal line
   at the mean of the norms.
2. **Weights**: an image of the matrix, one row for each expert. Show the first 100 columns only
   (all of them, where there are fewer): thousands of columns would melt into noise.
3. **Similarity**: an image of the cosine similarity of each pair of rows, [E, E]. A row of zeros
   has similarity 0 with every other row.
4. **Spread**: a bar for each expert, as high as the sample standard deviation (n − 1) of its row.

Write `plot_router_weights(router_weights)`, which returns the figure (`matplotlib.figure.Figure`).

- Every panel has a title and a label on both axes.
- The weights may be bfloat16 or float16, which NumPy and matplotlib do not take or do not compute
  well with: go to float32 first. Do not change the caller's tensor.
- The style is yours: `plt.subplots` or `Figure()`, `bar` or rectangles, `imshow`, `matshow` or
  `pcolormesh`, `axhline`, `hlines` or `plot`. Colour bars are welcome and do not count as panels.
  The panels count in the order of `fig.axes`.

A picture is read by people who do not see colours as you do. For values with a sign choose a
diverging colour map that does not pair red with green, such as `RdBu` or `PuOr`, with 0 in the
middle.
"""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.collections import PatchCollection
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator

from autograder import Exercise
from autograder.lab import Answer
from autograder.lab.drawing import same_values
from autograder.lab.figures import drawn

exercise = Exercise("plot_router_weights")


@exercise.solution
def plot_router_weights(router_weights: torch.Tensor) -> Figure:
    """Draw the norms, the weights, the similarities and the spread of a router's rows.

    `router_weights` is [E, d] of any float dtype. Returns a figure of four panels: bars of the
    norms with a dashed line at their mean, an image of the first 100 columns, an image of the
    cosine similarities, bars of the sample standard deviations.
    """
    weights = router_weights.detach().float().cpu()
    norms = weights.norm(dim=1)
    directions = weights / norms.clamp_min(torch.finfo(weights.dtype).tiny)[:, None]
    similarity = directions @ directions.T
    experts = np.arange(len(weights))

    fig, axes = plt.subplots(2, 2, figsize=(12, 8), layout="constrained")
    (norm_axes, weight_axes), (similarity_axes, spread_axes) = axes
    norm_axes.bar(experts, norms.numpy(), color="#0072B2")
    norm_axes.axhline(
        norms.mean().item(), color="#D55E00", linestyle="--", label=f"mean {norms.mean():.3g}"
    )
    norm_axes.legend()
    norm_axes.set(title="Norm of each expert's row", xlabel="expert", ylabel="L2 norm")

    shown = weights[:, :100].numpy()
    reach = max(float(np.abs(shown).max()), 1e-12)
    picture = weight_axes.imshow(shown, aspect="auto", cmap="PuOr", vmin=-reach, vmax=reach)
    fig.colorbar(picture, ax=weight_axes, label="weight")
    title = f"Weights (first {shown.shape[1]} of {weights.shape[1]} columns)"
    weight_axes.set(title=title, xlabel="column", ylabel="expert")

    picture = similarity_axes.imshow(similarity.numpy(), cmap="RdBu_r", vmin=-1, vmax=1)
    fig.colorbar(picture, ax=similarity_axes, label="cosine similarity")
    similarity_axes.set(title="Similarity of the rows", xlabel="expert", ylabel="expert")

    spread_axes.bar(experts, weights.std(dim=1).numpy(), color="#009E73")
    spread_axes.set(
        title="Spread of each expert's row", xlabel="expert", ylabel="standard deviation"
    )
    for panel in (norm_axes, spread_axes):
        panel.xaxis.set_major_locator(MaxNLocator(integer=True))
    for panel in (weight_axes, similarity_axes):
        panel.yaxis.set_major_locator(MaxNLocator(integer=True))
    return fig


@exercise.law(points=1)
def four_panels(answer: Answer) -> None:
    """Four panels: bars of the norms, the weights, the similarities, bars of the spread."""
    weights = torch.tensor([[3.0, 4.0, 0.0], [0.0, 0.0, 2.0], [-4.0, 4.0, -7.0]])
    norms, weight_image, similarity, spread = drawn(answer(weights)).first(4)
    assert norms.bars, "panel 1 has no bars: draw a bar for the norm of each expert's row"
    heights = norms.bar_values(3)
    assert same_values(heights, np.array([5.0, 2.0, 9.0])), (
        "the rows (3, 4, 0), (0, 0, 2) and (-4, 4, -7) have the norms 5, 2 and 9, but the bars of "
        f"panel 1 show {', '.join(f'{height:.4g}' for height in heights)}. One norm for each row?"
    )
    assert weight_image.images, "panel 2 has no image: show the weights with `imshow`"
    shape = weight_image.images[0].shape
    assert weight_image.shows_image(weights.numpy()), (
        f"the image of panel 2, of shape {list(shape)}, does not show the [3, 3] weights: draw the "
        "matrix itself, one row for each expert"
    )
    assert any(image.shape == (3, 3) for image in similarity.images), (
        "panel 3 has no 3 × 3 image: show the similarity of each pair of experts"
    )
    assert len(spread.bar_values(3)) == 3


def _weights(rng: np.random.Generator, experts: int, columns: int) -> torch.Tensor:
    """Rows of very different norms, so that their mean is not their median."""
    scales = rng.permutation(1.5 ** np.arange(experts))[:, None]
    rows = rng.normal(loc=0.3, size=(experts, columns)) * scales
    return torch.from_numpy(rows.astype(np.float32))


def _norms(weights: torch.Tensor) -> np.ndarray:
    return np.asarray(weights.double().square().sum(dim=1).sqrt().numpy())


@exercise.law(points=1.5, hidden=True)
def bars_and_mean_line(answer: Answer, rng: np.random.Generator) -> None:
    """Bars of norms and sample standard deviations, and a dashed line at the mean norm."""
    weights = _weights(rng, 7, 12)
    values = _norms(weights)
    norms, _, _, spread = drawn(answer(weights)).first(4)
    assert same_values(norms.bar_values(7), values), "a bar of panel 1 does not show the norm"
    assert norms.lines, "the panel of the norms has no line"
    assert norms.has_dashed_line("horizontal", float(values.mean())), (
        "no dashed horizontal line lies at the mean of the norms"
    )
    assert same_values(spread.bar_values(7), weights.double().std(dim=1).numpy()), (
        "the bars of panel 4 do not show the sample standard deviation of each row"
    )


@exercise.law(points=1.5, hidden=True)
def images_and_labels(answer: Answer, rng: np.random.Generator) -> None:
    """Images of the first 100 columns and of the similarities (0 for a row of zeros); labels."""
    weights = _weights(rng, 9, 130)
    weights[4] = 0
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


@exercise.law(points=1, hidden=True)
def half_precision(answer: Answer, rng: np.random.Generator) -> None:
    """Weights in bfloat16 are drawn with the precision of float32."""
    weights = _weights(rng, 6, 20).to(torch.bfloat16)
    norms, shown, _, spread = drawn(answer(weights)).first(4)
    assert same_values(norms.bar_values(6), _norms(weights)), (
        "the norms of bfloat16 weights are not as exact as float32 makes them"
    )
    assert same_values(spread.bar_values(6), weights.double().std(dim=1).numpy()), (
        "the standard deviations of bfloat16 weights are not as exact as float32 makes them"
    )
    assert shown.shows_image(weights.float().numpy()), "the image does not show the weights"


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


@exercise.wheat
def object_oriented_meshes(router_weights: torch.Tensor) -> Figure:
    """A figure without pyplot, rectangles by hand, colour meshes, and lines with `hlines`."""
    w = router_weights.detach().to(torch.float64).numpy()
    count = len(w)
    lengths = np.sqrt((w**2).sum(axis=1))
    spread = w.std(axis=1, ddof=1)
    unit = np.divide(w, lengths[:, None], out=np.zeros_like(w), where=lengths[:, None] > 0)
    fig = Figure(figsize=(16, 4))
    for place, (heights, name) in {1: (lengths, "norm"), 4: (spread, "deviation")}.items():
        ax = fig.add_subplot(1, 4, place)
        boxes = [Rectangle((e - 0.45, 0), 0.9, float(heights[e])) for e in range(count)]
        ax.add_collection(PatchCollection(boxes, facecolor="tab:blue"))
        ax.set_xlim(-1, count)
        ax.set_ylim(0, 1.1 * float(heights.max()))
        ax.set_title(f"{name} of each row", loc="left")
        ax.set_xlabel("expert")
        ax.set_ylabel(name)
        if place == 4:
            break
        mean = float(heights.mean())
        ax.hlines(mean, -0.5, count - 0.5, colors="k", linestyles="dashed")
        for middle, (values, title) in enumerate(((w[:, :100], "weights"), (unit @ unit.T, "cos"))):
            mesh_axes = fig.add_subplot(1, 4, 2 + middle)
            fig.colorbar(mesh_axes.pcolormesh(values, cmap="PuOr"), ax=mesh_axes)
            mesh_axes.invert_yaxis()
            mesh_axes.set(title=title, xlabel="column", ylabel="expert")
    return fig


@exercise.wheat
def pyplot_state_machine(router_weights: torch.Tensor) -> Figure:
    """One `plt` call after the other, `matshow`, and a line from `plot`."""
    weights = router_weights.float()
    norms = torch.linalg.vector_norm(weights, dim=1)
    fig = plt.figure()
    plt.subplot(2, 2, 1)
    for expert, norm in enumerate(norms.tolist()):
        plt.bar(expert, norm, color="C0")
    plt.plot([-0.5, len(norms) - 0.5], [norms.mean().item()] * 2, "k:")
    plt.title("norms")
    plt.xlabel("expert")
    plt.ylabel("norm")
    plt.subplot(2, 2, 2)
    plt.imshow(weights[:, :100], origin="lower", aspect="auto")
    plt.colorbar()
    plt.title("weights")
    plt.xlabel("column")
    plt.ylabel("expert")
    plt.subplot(2, 2, 3)
    pairs = torch.nn.functional.cosine_similarity(weights[:, None], weights[None], dim=-1)
    plt.matshow(pairs, fignum=0)
    plt.title("similarity")
    plt.xlabel("expert")
    plt.ylabel("expert")
    plt.subplot(2, 2, 4)
    plt.bar([str(expert) for expert in range(len(weights))], weights.std(1))
    plt.title("spread")
    plt.xlabel("expert")
    plt.ylabel("standard deviation")
    plt.tight_layout()
    return fig


def _redrawn(fig: Figure, panel: int) -> plt.Axes:
    """Clear one panel of the reference's figure, but keep its title and labels."""
    axes = fig.axes[panel]
    texts = {"title": axes.get_title(), "xlabel": axes.get_xlabel(), "ylabel": axes.get_ylabel()}
    axes.clear()
    axes.set(**texts)
    return axes


@exercise.chaff(
    caught_by=(four_panels, bars_and_mean_line, images_and_labels, half_precision)
)
def returns_nothing(router_weights: torch.Tensor) -> None:
    """Draws the figure and returns nothing: end with `return fig`."""
    plot_router_weights(router_weights)


@exercise.chaff(caught_by=(four_panels, bars_and_mean_line, images_and_labels, half_precision))
def bars_before_images(router_weights: torch.Tensor) -> Figure:
    """Draws the four panels in another order: norms, weights, similarity, spread is asked for."""
    fig = plot_router_weights(router_weights)
    weights, spread = fig.axes[1], fig.axes[3]
    for axes in (weights, spread):
        fig.delaxes(axes)
    fig.add_axes(spread)
    fig.add_axes(weights)
    return fig


@exercise.chaff(caught_by=bars_and_mean_line)
def solid_mean_line(router_weights: torch.Tensor) -> Figure:
    """Draws the line of the mean solid: a reference line is told from data by its dashes."""
    fig = plot_router_weights(router_weights)
    fig.axes[0].lines[0].set_linestyle("-")
    return fig


@exercise.chaff(caught_by=bars_and_mean_line)
def line_at_the_median(router_weights: torch.Tensor) -> Figure:
    """Draws the line at the median of the norms; in PyTorch, that is one of the norms itself."""
    fig = plot_router_weights(router_weights)
    median = float(router_weights.float().norm(dim=1).median())
    fig.axes[0].lines[0].set_ydata([median, median])
    return fig


@exercise.chaff(caught_by=images_and_labels)
def all_columns(router_weights: torch.Tensor) -> Figure:
    """Shows all columns of the weights: real routers have thousands; 100 can be seen."""
    fig = plot_router_weights(router_weights)
    _redrawn(fig, 1).imshow(router_weights.float(), aspect="auto")
    return fig


@exercise.chaff(caught_by=images_and_labels)
def dot_products(router_weights: torch.Tensor) -> Figure:
    """Shows the dot products of the rows: divide by both norms to get the cosine."""
    fig = plot_router_weights(router_weights)
    _redrawn(fig, 2).imshow(router_weights.float() @ router_weights.float().T)
    return fig


@exercise.chaff(caught_by=images_and_labels)
def divides_by_a_zero_norm(router_weights: torch.Tensor) -> Figure:
    """Divides each row by its norm, which is 0 for a row of zeros: the picture gets NaN there."""
    fig = plot_router_weights(router_weights)
    rows = router_weights.float()
    rows = rows / rows.norm(dim=1, keepdim=True)
    _redrawn(fig, 2).imshow(rows @ rows.T)
    return fig


@exercise.chaff(caught_by=(bars_and_mean_line, half_precision))
def population_deviation(router_weights: torch.Tensor) -> Figure:
    """Divides by n instead of n − 1: NumPy's `std` does so, unless it gets `ddof=1`."""
    fig = plot_router_weights(router_weights)
    axes = _redrawn(fig, 3)
    axes.bar(range(len(router_weights)), router_weights.float().std(dim=1, correction=0))
    return fig


@exercise.chaff(caught_by=images_and_labels)
def one_axis_without_label(router_weights: torch.Tensor) -> Figure:
    """Forgets a label: a reader cannot tell what is counted along that axis."""
    fig = plot_router_weights(router_weights)
    fig.axes[2].set_ylabel("")
    return fig


@exercise.chaff(caught_by=half_precision)
def norms_in_half_precision(router_weights: torch.Tensor) -> Figure:
    """Takes the norms in the weights' own dtype: bfloat16 keeps three digits at most."""
    fig = plot_router_weights(router_weights)
    axes = _redrawn(fig, 0)
    norms = router_weights.norm(dim=1)
    axes.bar(range(len(norms)), norms.float())
    axes.axhline(norms.float().mean().item(), linestyle="--")
    return fig


@exercise.chaff(caught_by=images_and_labels)
def normalises_in_place(router_weights: torch.Tensor) -> Figure:
    """Divides the caller's own tensor by its norms: work on a copy."""
    fig = plot_router_weights(router_weights)
    router_weights /= router_weights.norm(dim=1, keepdim=True).clamp_min(1e-6)
    return fig
