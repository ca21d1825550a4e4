"""Further correct solutions of `plot_topk_routing`, and known-wrong ones."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from reference.moe_router_analysis.plot_topk_routing import exercise, plot_topk_routing
from reference.moe_router_analysis.plot_topk_routing.checks import (
    counts_and_labels,
    ratios,
    weights_of_the_best_two,
)


@exercise.wheat
def side_by_side_densities(routing: Mapping[str, Any]) -> Figure:
    """One `hist` call for both samples, densities, a legend of the figure, no pyplot."""
    w = routing["routing_weights"].numpy()
    counts = routing["expert_counts"]
    figure = Figure(figsize=(12, 3), layout="constrained")
    left, middle, right = figure.subplots(ncols=3)
    left.bar(list(counts), list(counts.values()), color="C4", width=1, edgecolor="w")
    level = sum(counts.values()) / len(counts)
    left.hlines(level, -0.5, len(counts) - 0.5, linestyles=[(0, (4, 2))], color="k")
    middle.hist([w[:, 0], w[:, 1]], bins=12, density=True, label=["best", "second best"])
    figure.legend(loc="outside upper right")
    right.hist(w[:, 0] / w[:, 1], bins=np.geomspace(1, (w[:, 0] / w[:, 1]).max(), 12), density=True)
    right.set_xscale("log")
    right.plot([1, 1], right.get_ylim(), "k--")
    for axes, title in zip((left, middle, right), ("counts", "weights", "ratio")):
        axes.set(title=title, xlabel="x", ylabel="y")
    return figure


@exercise.wheat
def steps_in_a_grid(routing: Mapping[str, Any]) -> Figure:
    """Outlines instead of bars, `stairs` for the ratios, and an empty fourth place in the grid."""
    best, runner_up = routing["routing_weights"].T[:2].double()
    counts = torch.tensor(
        [routing["expert_counts"][e] for e in range(len(routing["expert_counts"]))]
    )
    figure, grid = plt.subplots(2, 2, figsize=(8, 6))
    panel = grid[0, 0]
    for expert, count in enumerate(counts.tolist()):
        panel.bar(expert, count, color="gray")
    panel.axhline(float(counts.sum()) / len(counts), linestyle="dashdot")
    panel = grid[0, 1]
    for sample, label in ((best, "1st"), (runner_up, "2nd")):
        panel.hist(sample.numpy(), bins="auto", histtype="step", label=label)
    panel.legend()
    heights, edges = np.histogram((best / runner_up).numpy(), bins=25)
    panel = grid[1, 0]
    panel.stairs(heights, edges)
    panel.vlines(1, 0, heights.max(), linestyles="dashed")
    grid[1, 1].axis("off")
    for axes in grid.flat[:3]:
        axes.set_title("routing")
        axes.set_xlabel("value")
        axes.set_ylabel("number")
    return figure


def _emptied(axes: Axes) -> Axes:
    """Clear one panel of the reference's figure, but keep its title and labels."""
    texts = {"title": axes.get_title(), "xlabel": axes.get_xlabel(), "ylabel": axes.get_ylabel()}
    axes.clear()
    axes.set(**texts)
    return axes


def _best_two(routing: Mapping[str, Any]) -> tuple[np.ndarray, np.ndarray]:
    weights = routing["routing_weights"].double().numpy()
    return weights[:, 0], weights[:, 1]


def _with_ratios(routing: Mapping[str, Any], values: np.ndarray, **options: Any) -> Figure:
    """The reference's figure with a histogram of other values in the third panel."""
    fig = plot_topk_routing(routing)
    axes = _emptied(fig.axes[2])
    axes.hist(values, **options)
    axes.axvline(1, linestyle="--")
    return fig


@exercise.chaff(caught_by=weights_of_the_best_two)
def a_panel_for_each_weight(routing: Mapping[str, Any]) -> Figure:
    """Gives each weight a panel of its own: in one panel they can be compared."""
    fig, axes = plt.subplots(1, 4)
    first, second = _best_two(routing)
    counts = routing["expert_counts"]
    axes[0].bar(list(counts), list(counts.values()))
    axes[0].axhline(sum(counts.values()) / len(counts), linestyle="--")
    axes[1].hist(first)
    axes[2].hist(second)
    axes[3].hist(first / second)
    axes[3].axvline(1, linestyle="--")
    for panel, name in zip(axes, ("expert", "first weight", "second weight", "ratio")):
        panel.set(title=name, xlabel=name, ylabel="tokens")
    return fig


@exercise.chaff(caught_by=weights_of_the_best_two)
def no_legend(routing: Mapping[str, Any]) -> Figure:
    """Labels both histograms but never calls `legend`: nobody can tell which one is which."""
    fig = plot_topk_routing(routing)
    legend = fig.axes[1].get_legend()
    if legend is not None:
        legend.remove()
    return fig


@exercise.chaff(caught_by=counts_and_labels)
def balance_of_one_slot_per_token(routing: Mapping[str, Any]) -> Figure:
    """Draws the line at T / E: each token takes k experts, so balance means T · k / E."""
    fig = plot_topk_routing(routing)
    level = len(routing["routing_weights"]) / len(routing["expert_counts"])
    fig.axes[0].lines[0].set_ydata([level, level])
    return fig


@exercise.chaff(caught_by=counts_and_labels)
def counts_the_first_choice_only(routing: Mapping[str, Any]) -> Figure:
    """Counts only each token's best expert, where every selected one counts."""
    first = routing["top_indices"][:, 0]
    counts = torch.bincount(first, minlength=len(routing["expert_counts"]))
    return plot_topk_routing({**routing, "expert_counts": dict(enumerate(counts.tolist()))})


@exercise.chaff(caught_by=counts_and_labels)
def experts_that_were_seen(routing: Mapping[str, Any]) -> Figure:
    """Takes only experts that were chosen: the idle ones vanish, and the balance seems higher."""
    seen = {e: count for e, count in routing["expert_counts"].items() if count}
    return plot_topk_routing({**routing, "expert_counts": dict(enumerate(seen.values()))})


@exercise.chaff(caught_by=counts_and_labels)
def line_at_the_busiest(routing: Mapping[str, Any]) -> Figure:
    """Draws the line at the count of the busiest expert, where balance was asked for."""
    fig = plot_topk_routing(routing)
    level = max(routing["expert_counts"].values())
    fig.axes[0].lines[0].set_ydata([level, level])
    return fig


@exercise.chaff(caught_by=counts_and_labels)
def panel_without_labels(routing: Mapping[str, Any]) -> Figure:
    """Leaves the histogram of the ratios without labels: each panel needs its own."""
    fig = plot_topk_routing(routing)
    fig.axes[2].set(xlabel="", ylabel="")
    return fig


@exercise.chaff(caught_by=weights_of_the_best_two)
def last_weight_for_the_second(routing: Mapping[str, Any]) -> Figure:
    """Takes the last column for the second expert: that is the k-th one, and k may exceed 2."""
    fig = plot_topk_routing(routing)
    axes = _emptied(fig.axes[1])
    weights = routing["routing_weights"].numpy()
    axes.hist(weights[:, 0], alpha=0.5, label="first")
    axes.hist(weights[:, -1], alpha=0.5, label="second")
    axes.legend()
    return fig


@exercise.chaff(caught_by=weights_of_the_best_two)
def both_weights_in_one_histogram(routing: Mapping[str, Any]) -> Figure:
    """Throws both weights into one histogram: which bar belongs to which expert?"""
    fig = plot_topk_routing(routing)
    axes = _emptied(fig.axes[1])
    axes.hist(np.concatenate(_best_two(routing)), label="weights")
    axes.plot([], [], label="of the best two")
    axes.legend()
    return fig


@exercise.chaff(caught_by=ratios)
def second_over_first(routing: Mapping[str, Any]) -> Figure:
    """Divides the second weight by the first: the ratio asked for is first / second."""
    first, second = _best_two(routing)
    return _with_ratios(routing, second / first)


@exercise.chaff(caught_by=ratios)
def clips_large_ratios(routing: Mapping[str, Any]) -> Figure:
    """Clips the ratios at 10: the most one-sided tokens are drawn where they are not."""
    first, second = _best_two(routing)
    return _with_ratios(routing, np.clip(first / second, None, 10))


@exercise.chaff(caught_by=ratios)
def leaves_out_large_ratios(routing: Mapping[str, Any]) -> Figure:
    """Limits the histogram to ratios up to 5: tokens above that are missing from the picture."""
    first, second = _best_two(routing)
    return _with_ratios(routing, first / second, range=(1, 5))


@exercise.chaff(caught_by=ratios)
def line_at_the_mean_ratio(routing: Mapping[str, Any]) -> Figure:
    """Draws the line at the mean ratio: the line at 1 tells where both experts matter equally."""
    fig = plot_topk_routing(routing)
    first, second = _best_two(routing)
    middle = float((first / second).mean())
    fig.axes[2].lines[0].set_xdata([middle, middle])
    return fig
