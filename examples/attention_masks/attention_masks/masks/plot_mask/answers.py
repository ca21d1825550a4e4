"""More solutions of `plot_mask`: right ones in another style, and known mistakes."""

from __future__ import annotations

import torch
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from attention_masks.masks.plot_mask import exercise, plot_mask
from attention_masks.masks.plot_mask.checks import labels, mean_line, random_mask, small_mask


@exercise.wheat
def with_matshow(mask: torch.Tensor) -> Figure:
    """Another way to draw the same image."""
    figure = plt.figure()
    axes = figure.add_subplot()
    axes.matshow(mask.int())
    mean = mask.sum().item() / len(mask)
    axes.vlines(mean, -0.5, len(mask) - 0.5, linestyles="dashed")
    axes.set_title("mask")
    axes.set_xlabel("key")
    axes.set_ylabel("query")
    return figure


@exercise.chaff(caught_by=(small_mask, random_mask))
def rows_are_columns(mask: torch.Tensor) -> Figure:
    """Draws columns as rows. Row i of the image is row i of the mask."""
    figure = plot_mask(mask)
    figure.axes[0].images[0].set_data(mask.T.float().numpy())
    return figure


@exercise.chaff(caught_by=random_mask)
def first_tokens_alone(mask: torch.Tensor) -> Figure:
    """Draws the first sixteen rows and columns alone."""
    figure = plot_mask(mask)
    axes = figure.axes[0]
    axes.images[0].remove()
    axes.imshow(mask[:16, :16].float().numpy())
    return figure


@exercise.chaff(caught_by=mean_line)
def line_at_the_share(mask: torch.Tensor) -> Figure:
    """The line stands at a share of all tokens. The exercise asks for their mean number."""
    figure = plot_mask(mask)
    axes = figure.axes[0]
    axes.lines[0].remove()
    axes.axvline(float(mask.float().mean()), linestyle="--")
    return figure


@exercise.chaff(caught_by=mean_line)
def solid_line(mask: torch.Tensor) -> Figure:
    """The line is solid. The exercise asks for a dashed one."""
    figure = plot_mask(mask)
    figure.axes[0].lines[0].set_linestyle("-")
    return figure


@exercise.chaff(caught_by=labels)
def no_labels(mask: torch.Tensor) -> Figure:
    """The axes have no labels: nobody can tell who listens to whom."""
    figure = plot_mask(mask)
    figure.axes[0].set(xlabel="", ylabel="")
    return figure
