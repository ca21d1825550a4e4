"""Further correct solutions of `plot_router_weights`, and known-wrong ones."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.collections import PatchCollection
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from reference.moe_router_analysis.plot_router_weights import exercise, plot_router_weights
from reference.moe_router_analysis.plot_router_weights.checks import (
    bars_and_mean_line,
    four_panels,
    half_precision,
    images_and_labels,
)


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


def _redrawn(fig: Figure, panel: int) -> Axes:
    """Clear one panel of the reference's figure, but keep its title and labels."""
    axes = fig.axes[panel]
    texts = {"title": axes.get_title(), "xlabel": axes.get_xlabel(), "ylabel": axes.get_ylabel()}
    axes.clear()
    axes.set(**texts)
    return axes


@exercise.chaff(caught_by=four_panels)
def returns_nothing(router_weights: torch.Tensor) -> None:
    """Draws the figure and returns nothing: end with `return fig`."""
    plot_router_weights(router_weights)


@exercise.chaff(caught_by=four_panels)
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


@exercise.chaff(caught_by=bars_and_mean_line)
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
