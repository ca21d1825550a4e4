"""Further correct solutions of `plot_loss_scenarios`, and known-wrong ones."""

from __future__ import annotations

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.figure import Figure
from matplotlib.gridspec import GridSpec
from matplotlib.patches import Rectangle

from reference.moe_router_analysis.plot_loss_scenarios import (
    exercise,
    plot_loss_scenarios,
)
from reference.moe_router_analysis.plot_loss_scenarios.checks import (
    a_single_scenario,
    bars_lines_and_limits,
    five_titles_and_labels,
    long_titles_and_collapsed_routers,
    two_scenarios,
)


@exercise.wheat
def numpy_and_a_grid(scenarios: Mapping[str, torch.Tensor]) -> Figure:
    """Softmax in NumPy, a figure without pyplot, one panel below the other, two-line titles."""
    figure = Figure(figsize=(5, 3 * len(scenarios)), layout="tight")
    grid = GridSpec(len(scenarios), 1, figure=figure)
    for row, name in enumerate(scenarios):
        z = scenarios[name].to(torch.float64).numpy()
        e = np.exp(z - z.max(axis=1, keepdims=True))
        p = (e / e.sum(axis=1, keepdims=True)).mean(axis=0)
        axes = figure.add_subplot(grid[row, 0])
        axes.stairs(p, np.arange(len(p) + 1) - 0.5, fill=True, color="teal")
        axes.plot([-0.5, len(p) - 0.5], [1 / len(p)] * 2, color="k", dashes=[3, 1])
        axes.set_ylim(bottom=0, top=1)
        axes.set_title(f"$L$ = {len(p) * (p @ p):.2f}\n{name}", loc="left")
        axes.set_xlabel("expert")
        axes.set_ylabel("$P_i$")
    figure.suptitle("Losses")
    return figure


@exercise.wheat
def one_row_with_pyplot(scenarios: Mapping[str, torch.Tensor]) -> Figure:
    """`plt.subplot` after `plt.subplot`, bars one by one, a line from `hlines`."""
    figure = plt.figure(figsize=(3 * len(scenarios), 3))
    for place, (name, logits) in enumerate(scenarios.items(), start=1):
        mean = logits.float().softmax(-1).mean(0)
        plt.subplot(1, len(scenarios), place)
        for expert in range(len(mean)):
            plt.bar(expert + 1, mean[expert].item(), width=0.6)
        plt.hlines(1 / len(mean), 0.5, len(mean) + 0.5, linestyles="dotted", colors="k")
        plt.axis((0, len(mean) + 1, 0, 1))
        plt.title(f"{name} ({len(mean) * float(mean @ mean):.2f})")
        plt.xlabel("expert")
        plt.ylabel("probability")
    return figure


def _retitled(figure: Figure, titles: list[str]) -> Figure:
    for axes, title in zip(figure.axes, titles):
        axes.set_title(title)
    return figure


def _mean(logits: torch.Tensor) -> torch.Tensor:
    return torch.softmax(logits.float(), dim=-1).mean(dim=0)


def _with_bars(figure: Figure, heights: list[torch.Tensor]) -> Figure:
    for axes, values in zip(figure.axes, heights):
        for patch, value in zip(axes.patches, values.tolist()):
            assert isinstance(patch, Rectangle)
            patch.set_height(value)
    return figure


@exercise.chaff(caught_by=two_scenarios)
def one_figure_for_each_scenario(scenarios: Mapping[str, torch.Tensor]) -> list[Figure]:
    """Makes a figure for each scenario: side by side, in one figure, they can be compared."""
    return [plot_loss_scenarios({name: logits}) for name, logits in scenarios.items()]


@exercise.chaff(caught_by=two_scenarios)
def softmax_of_the_mean(scenarios: Mapping[str, torch.Tensor]) -> Figure:
    """Averages the logits and then takes the softmax: the mean of the probabilities is asked for.

    Two decided tokens that want different experts are no undecided router.
    """
    means = {name: logits.float().mean(dim=0, keepdim=True) for name, logits in scenarios.items()}
    return plot_loss_scenarios(means)


@exercise.chaff(caught_by=two_scenarios)
def counts_the_first_choices(scenarios: Mapping[str, torch.Tensor]) -> Figure:
    """Draws the share of tokens whose first choice is the expert, not the mean probability."""
    shares = [
        torch.bincount(logits.argmax(dim=-1), minlength=logits.shape[1]) / len(logits)
        for logits in scenarios.values()
    ]
    return _with_bars(plot_loss_scenarios(scenarios), shares)


@exercise.chaff(caught_by=two_scenarios)
def loss_without_the_number_of_experts(scenarios: Mapping[str, torch.Tensor]) -> Figure:
    """Writes the sum of the squares into the title, without the factor E."""
    losses = [_mean(logits).square().sum().item() for logits in scenarios.values()]
    titles = [f"{name}: loss {loss:.2f}" for name, loss in zip(scenarios, losses)]
    return _retitled(plot_loss_scenarios(scenarios), titles)


@exercise.chaff(caught_by=five_titles_and_labels)
def rounds_to_one_decimal(scenarios: Mapping[str, torch.Tensor]) -> Figure:
    """Writes the loss with one decimal: balanced and slightly skewed routers then look equal."""
    losses = [
        logits.shape[1] * _mean(logits).square().sum().item() for logits in scenarios.values()
    ]
    titles = [f"{name}: loss {loss:.1f}" for name, loss in zip(scenarios, losses)]
    return _retitled(plot_loss_scenarios(scenarios), titles)


@exercise.chaff(caught_by=bars_lines_and_limits)
def line_at_a_half(scenarios: Mapping[str, torch.Tensor]) -> Figure:
    """Draws the line at one half: a balanced router gives each of E experts 1/E."""
    figure = plot_loss_scenarios(scenarios)
    for axes in figure.axes:
        for line in axes.lines:
            line.set_ydata([0.5, 0.5])
    return figure


@exercise.chaff(caught_by=bars_lines_and_limits)
def each_panel_on_its_own_scale(scenarios: Mapping[str, torch.Tensor]) -> Figure:
    """Leaves the y axis to matplotlib: every panel has its own scale, and all bars look alike."""
    figure = plot_loss_scenarios(scenarios)
    for axes in figure.axes:
        axes.set_ylim(auto=True)
        axes.autoscale()
    return figure


@exercise.chaff(caught_by=bars_lines_and_limits)
def softmax_in_half_precision(scenarios: Mapping[str, torch.Tensor]) -> Figure:
    """Takes the softmax in the dtype of the logits: bfloat16 keeps two or three digits."""
    rough = [logits.softmax(dim=-1).mean(dim=0).float() for logits in scenarios.values()]
    return _with_bars(plot_loss_scenarios(scenarios), rough)


@exercise.chaff(caught_by=five_titles_and_labels)
def axes_without_labels(scenarios: Mapping[str, torch.Tensor]) -> Figure:
    """Labels the axes of the first panel only: each panel needs its own labels."""
    figure = plot_loss_scenarios(scenarios)
    for axes in figure.axes[1:]:
        axes.set(xlabel="", ylabel="")
    return figure


@exercise.chaff(caught_by=five_titles_and_labels)
def four_panels_at_most(scenarios: Mapping[str, torch.Tensor]) -> Figure:
    """Draws on a fixed grid of 2 × 2: a fifth scenario is dropped without a word."""
    return plot_loss_scenarios(dict(list(scenarios.items())[:4]))


@exercise.chaff(caught_by=a_single_scenario)
def forgets_the_single_panel(scenarios: Mapping[str, torch.Tensor]) -> Figure:
    """Indexes what `plt.subplots` returns: with one scenario that is bare axes, not an array."""
    figure, panels = plt.subplots(1, len(scenarios))
    for axes, (name, logits) in zip(panels, scenarios.items()):
        mean = _mean(logits)
        axes.bar(range(len(mean)), mean)
        axes.axhline(1 / len(mean), linestyle="--")
        title = f"{name}: {len(mean) * mean.square().sum().item():.2f}"
        axes.set(title=title, xlabel="expert", ylabel="P", ylim=(0, 1))
    return figure


@exercise.chaff(caught_by=long_titles_and_collapsed_routers)
def cuts_long_titles(scenarios: Mapping[str, torch.Tensor]) -> Figure:
    """Cuts long titles off: then several panels may look the same. Break the lines instead."""
    losses = [
        logits.shape[1] * _mean(logits).square().sum().item() for logits in scenarios.values()
    ]
    titles = [f"{name[:20]}: loss {loss:.2f}" for name, loss in zip(scenarios, losses)]
    return _retitled(plot_loss_scenarios(scenarios), titles)


@exercise.chaff(caught_by=long_titles_and_collapsed_routers)
def makes_room_above_one(scenarios: Mapping[str, torch.Tensor]) -> Figure:
    """Makes the y axis longer where a bar nearly reaches 1: the panels are then not alike."""
    figure = plot_loss_scenarios(scenarios)
    for axes, logits in zip(figure.axes, scenarios.values()):
        axes.set_ylim(0, max(1.0, 1.05 * float(_mean(logits).max())))
    return figure
