"""Further correct solutions of `plot_load_distribution`, and known-wrong ones."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from reference.moe_router_analysis.plot_load_distribution import (
    exercise,
    plot_load_distribution,
)
from reference.moe_router_analysis.plot_load_distribution.checks import (
    balanced_load,
    colours_by_class,
    expected_line_and_labels,
    histogram_of_counts,
    two_panels,
)


@exercise.wheat
def a_call_for_each_class(load_stats: Mapping[str, Any]) -> Figure:
    """One `bar` call for each class with its own legend entry, steps, and lines from `plot`."""
    counts = np.array([load_stats["expert_counts"][e] for e in range(load_stats["num_experts"])])
    expected = load_stats["total_tokens"] * load_stats["top_k"] / load_stats["num_experts"]
    over, under = counts > 1.5 * expected, counts < 0.5 * expected
    figure = plt.figure(figsize=(10, 4))
    plt.subplot(121)
    for chosen, colour, label in (
        (over, "tab:red", "overloaded"),
        (under, "tab:cyan", "underused"),
        (~over & ~under, (0.5, 0.5, 0.5, 0.7), "ok"),
    ):
        plt.bar(np.arange(len(counts))[chosen], counts[chosen], color=colour, label=label)
    plt.plot([-1, len(counts)], [expected, expected], "k-.", label="expected")
    plt.legend()
    plt.title("load")
    plt.xlabel("expert")
    plt.ylabel("tokens")
    plt.subplot(122)
    plt.hist(counts, bins=[n - 0.5 for n in range(counts.max() + 2)], histtype="step")
    plt.vlines(expected, 0, plt.gca().get_ylim()[1], linestyles=":")
    plt.title("loads")
    plt.xlabel("tokens")
    plt.ylabel("experts")
    return figure


@exercise.wheat
def rectangles_by_hand(load_stats: Mapping[str, Any]) -> Figure:
    """No pyplot, no `bar`, no `hist`: rectangles for the load, `stairs` for the histogram."""
    counts = load_stats["expert_counts"]
    expected = load_stats["expected_per_expert"]
    figure = Figure(figsize=(9, 3))
    left, right = figure.subplots(ncols=2)
    for expert in sorted(counts, reverse=True):
        height = counts[expert]
        colour = "C1" if height > 1.5 * expected else "C0" if height < 0.5 * expected else "C7"
        left.add_patch(Rectangle((expert - 0.5, 0), 1, height, facecolor=colour, edgecolor="w"))
    left.set_xlim(-0.5, len(counts) - 0.5)
    left.set_ylim(0, 1.1 * max(counts.values()))
    left.hlines([expected], [-0.5], [len(counts) - 0.5], colors="k", linestyles="dashed")
    left.set(title="load", xlabel="expert", ylabel="tokens")
    heights, edges = np.histogram(list(counts.values()), bins=7)
    right.stairs(heights, edges, fill=True)
    right.axvline(expected, color="k", dashes=(4, 2))
    right.set_title("histogram", loc="right")
    right.set_xlabel("tokens")
    right.set_ylabel("experts")
    return figure


def _counts(load_stats: Mapping[str, Any]) -> np.ndarray:
    return np.array([count for _, count in sorted(load_stats["expert_counts"].items())])


def _emptied(axes: Axes) -> Axes:
    """Clear one panel of the reference's figure, but keep its title and labels."""
    texts = {"title": axes.get_title(), "xlabel": axes.get_xlabel(), "ylabel": axes.get_ylabel()}
    axes.clear()
    axes.set(**texts)
    return axes


@exercise.chaff(caught_by=two_panels)
def returns_the_axes(load_stats: Mapping[str, Any]) -> list[Axes]:
    """Returns the axes: the figure is asked for, the first of what `plt.subplots` gives."""
    return plot_load_distribution(load_stats).axes


@exercise.chaff(caught_by=two_panels)
def sorts_the_experts_by_load(load_stats: Mapping[str, Any]) -> Figure:
    """Draws the bars from the largest count to the smallest: bar i should be expert i."""
    counts = sorted(load_stats["expert_counts"].values(), reverse=True)
    return plot_load_distribution({**load_stats, "expert_counts": dict(enumerate(counts))})


@exercise.chaff(caught_by=colours_by_class)
def sorts_the_experts_as_text(load_stats: Mapping[str, Any]) -> Figure:
    """Sorts the experts as strings, which puts expert 10 before expert 2."""
    counts = load_stats["expert_counts"]
    in_order = [counts[expert] for expert in sorted(counts, key=str)]
    return plot_load_distribution({**load_stats, "expert_counts": dict(enumerate(in_order))})


@exercise.chaff(caught_by=colours_by_class)
def all_in_one_colour(load_stats: Mapping[str, Any]) -> Figure:
    """Gives all bars the same colour, so the classes cannot be told apart."""
    fig = plot_load_distribution(load_stats)
    for patch in fig.axes[0].patches:
        patch.set_facecolor("#0072B2")
    return fig


@exercise.chaff(caught_by=colours_by_class)
def marks_the_overloaded_only(load_stats: Mapping[str, Any]) -> Figure:
    """Marks overloaded experts only: underused ones look like all the others."""
    fig = plot_load_distribution(load_stats)
    limit = 1.5 * load_stats["expected_per_expert"]
    for patch, count in zip(fig.axes[0].patches, _counts(load_stats)):
        patch.set_facecolor("#D55E00" if count > limit else "#8C8C8C")
    return fig


@exercise.chaff(caught_by=colours_by_class)
def counts_the_limits_in(load_stats: Mapping[str, Any]) -> Figure:
    """Colours experts at exactly 1.5 or 0.5 times the expected count too: use > and <."""
    fig = plot_load_distribution(load_stats)
    expected = load_stats["expected_per_expert"]
    for patch, count in zip(fig.axes[0].patches, _counts(load_stats)):
        if count >= 1.5 * expected:
            patch.set_facecolor("#D55E00")
        elif count <= 0.5 * expected:
            patch.set_facecolor("#56B4E9")
    return fig


@exercise.chaff(caught_by=expected_line_and_labels)
def expects_one_slot_per_token(load_stats: Mapping[str, Any]) -> Figure:
    """Draws the lines at tokens / experts: each token takes `top_k` experts, not one."""
    fig = plot_load_distribution(load_stats)
    expected = load_stats["total_tokens"] / load_stats["num_experts"]
    fig.axes[0].lines[0].set_ydata([expected, expected])
    fig.axes[1].lines[0].set_xdata([expected, expected])
    return fig


@exercise.chaff(caught_by=histogram_of_counts)
def density_instead_of_counts(load_stats: Mapping[str, Any]) -> Figure:
    """Draws the histogram as a density: its bars should be numbers of experts."""
    fig = plot_load_distribution(load_stats)
    axes = _emptied(fig.axes[1])
    axes.hist(_counts(load_stats), density=True)
    axes.axvline(load_stats["expected_per_expert"], linestyle="--")
    return fig


@exercise.chaff(caught_by=histogram_of_counts)
def cuts_off_the_tail(load_stats: Mapping[str, Any]) -> Figure:
    """Limits the histogram to a range: the busiest experts fall out of it unseen."""
    fig = plot_load_distribution(load_stats)
    axes = _emptied(fig.axes[1])
    expected = load_stats["expected_per_expert"]
    axes.hist(_counts(load_stats), range=(0, 2 * expected))
    axes.axvline(expected, linestyle="--")
    return fig


@exercise.chaff(caught_by=histogram_of_counts)
def sorted_bars_for_a_histogram(load_stats: Mapping[str, Any]) -> Figure:
    """Draws the sorted counts as bars: a histogram counts how many experts share a load."""
    fig = plot_load_distribution(load_stats)
    axes = _emptied(fig.axes[1])
    counts = np.sort(_counts(load_stats))
    axes.bar(np.arange(len(counts)), counts)
    axes.axvline(load_stats["expected_per_expert"], linestyle="--")
    return fig


@exercise.chaff(caught_by=histogram_of_counts)
def horizontal_line_in_both_panels(load_stats: Mapping[str, Any]) -> Figure:
    """Draws the line across the histogram: loads lie along x there, so the line is vertical."""
    fig = plot_load_distribution(load_stats)
    axes = fig.axes[1]
    axes.lines[0].remove()
    axes.axhline(load_stats["expected_per_expert"], linestyle="--")
    return fig


@exercise.chaff(caught_by=expected_line_and_labels)
def no_title(load_stats: Mapping[str, Any]) -> Figure:
    """Gives the figure a title, but not each panel: the panels show different things."""
    fig = plot_load_distribution(load_stats)
    for axes in fig.axes:
        axes.set_title("")
    fig.suptitle("Load of the experts")
    return fig


@exercise.chaff(caught_by=(balanced_load,))
def no_bin_for_equal_counts(load_stats: Mapping[str, Any]) -> Figure:
    """Ends the bins at the largest count: where all counts are equal, there is no bin at all."""
    fig = plot_load_distribution(load_stats)
    counts = _counts(load_stats)
    if min(counts) == max(counts):
        axes = _emptied(fig.axes[1])
        axes.axvline(load_stats["expected_per_expert"], linestyle="--")
    return fig
