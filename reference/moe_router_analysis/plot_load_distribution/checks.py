"""The checks of `plot_load_distribution`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from moelab_kit import Answer
from moelab_kit.drawing import same_colour, same_values
from moelab_kit.figures import drawn
from moelab_kit.histograms import shows_histogram
from reference.moe_router_analysis.plot_load_distribution import exercise


def load_of(counts: Sequence[int], top_k: int = 2) -> dict[str, Any]:
    """A complete result of `analyze_load_distribution` with these counts."""
    mean, std = float(np.mean(counts)), float(np.std(counts))
    return {
        "expert_counts": {expert: int(count) for expert, count in enumerate(counts)},
        "total_tokens": int(sum(counts)) // top_k,
        "num_experts": len(counts),
        "top_k": top_k,
        "expected_per_expert": sum(counts) / len(counts),
        "actual_mean": mean,
        "actual_std": std,
        "max_load": int(max(counts)),
        "min_load": int(min(counts)),
        "load_balance_score": 1 - std / (mean + 1e-8),
    }


@exercise.law(points=1.5, proves=("load", "histogram"))
def two_panels(answer: Answer, rng: np.random.Generator) -> None:
    """Two panels: a bar for the count of each expert, with a dashed line, and a histogram."""
    counts = (np.array([90, 10, 60, 40]) + 2 * rng.integers(10, size=4)).tolist()
    load, histogram = drawn(answer(load_of(counts))).first(2)
    assert load.bars, "panel 1 has no bars: draw a bar for the count of each expert"
    heights = load.bar_values(4)
    assert same_values(heights, np.array(counts, dtype=float)), (
        f"experts 0 to 3 have the counts {counts}, but the bars of panel 1 show "
        f"{', '.join(f'{height:.4g}' for height in heights)}"
    )
    assert any(line.dashed and line.orientation == "horizontal" for line in load.lines), (
        "panel 1 has no dashed horizontal line: mark the expected count, "
        'for example with `axhline(..., linestyle="--")`'
    )
    assert histogram.bars or histogram.steps, (
        "panel 2 has no bars: draw the histogram of the counts with `hist`"
    )


@exercise.law(points=1.5, proves="load", hidden=True)
def colours_by_class(answer: Answer, rng: np.random.Generator) -> None:
    """One colour for overloaded experts, one for underused ones, a third for the others."""
    expected = 20 * int(rng.integers(1, 5))
    shares = np.array([1.5, 0.5, 1.55, 2.25, 0.45, 0.15, 0.6, 1.0, 1.45, 0.55, 1.2, 0.8])
    shares = rng.permutation(shares)
    counts = np.rint(shares * expected)
    load = drawn(answer(load_of(counts.astype(int).tolist()))).first(1)[0]
    assert same_values(load.bar_values(len(counts)), counts), (
        "the bars do not show the counts in the order of the experts"
    )
    classes = (shares > 1.5).astype(int) - (shares < 0.5)
    colours = load.bar_colours(len(counts))
    seen = {
        one: [colour for colour, own in zip(colours, classes) if own == one and colour is not None]
        for one in (-1, 0, 1)
    }
    first = [of_class[0] for of_class in seen.values()]
    for of_class in seen.values():
        assert all(same_colour(of_class[0], colour) for colour in of_class), (
            "experts of one class have different colours: look at the limits of the classes"
        )
    for one, other in ((0, 1), (0, 2), (1, 2)):
        assert not same_colour(first[one], first[other]), "two classes have the same colour"


@exercise.law(points=1.5, proves=("histogram", "one-thing", "unchanged"), hidden=True)
def histogram_of_counts(answer: Answer, shared_rng: np.random.Generator) -> None:
    """The histogram counts experts, clips nothing, and a dashed line marks the expected count."""
    counts, stats = _long_tail(shared_rng)
    histogram = drawn(answer(stats)).first(2)[1]
    assert shows_histogram(histogram, counts, counts_only=True), (
        "panel 2 does not show how many experts have which count: a histogram of all counts, "
        "whose bars add up to the number of experts"
    )
    assert histogram.has_dashed_line("vertical", stats["expected_per_expert"]), (
        "no dashed vertical line marks the expected count in the histogram"
    )
    assert not answer.left_behind, f"the call left something behind: {answer.left_behind}"


@exercise.law(points=1, proves=("load", "labels", "figures"), hidden=True)
def expected_line_and_labels(answer: Answer, shared_rng: np.random.Generator) -> None:
    """A dashed line marks the expected count, and both panels have a title and labels."""
    counts, stats = _long_tail(shared_rng)
    drawing = drawn(answer(stats))
    load = drawing.first(2)[0]
    assert same_values(load.bar_values(len(counts)), counts), "the bars do not show the counts"
    assert load.has_dashed_line("horizontal", stats["expected_per_expert"]), (
        "no dashed horizontal line lies at the expected count"
    )
    assert not drawing.unlabelled(2), drawing.unlabelled(2)


@exercise.law(points=0.5, proves="balanced", hidden=True)
def balanced_load(answer: Answer, rng: np.random.Generator) -> None:
    """Where all counts are equal, every expert has its bar, and the histogram all counts."""
    count, experts = int(rng.integers(3, 40)) * 2, int(rng.integers(3, 12))
    for counts in ([count] * experts, [count, count + 2] * 2):
        load, histogram = drawn(answer(load_of(counts))).first(2)
        assert same_values(load.bar_values(len(counts)), np.array(counts, dtype=float)), (
            "the bars of a balanced load do not show the counts"
        )
        assert shows_histogram(histogram, np.array(counts, dtype=float), counts_only=True), (
            "a balanced load has a histogram too: every count is in one of its bars"
        )
        colours = load.bar_colours(len(counts))
        assert all(same_colour(colours[0] or (), colour or ()) for colour in colours), (
            "no expert of a balanced load is overloaded or underused: all have one colour"
        )


def _long_tail(rng: np.random.Generator) -> tuple[np.ndarray, dict[str, Any]]:
    """Counts of ten experts, three of them idle, and the load that they make."""
    counts = rng.permutation([100, 60, 20, 10, 5, 3, 2, 0, 0, 0]) * int(rng.integers(1, 4))
    return counts.astype(float), load_of(counts.tolist(), top_k=4)
