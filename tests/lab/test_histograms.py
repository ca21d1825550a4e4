"""Which panels show the histogram of given values: any bins, any style, nothing else."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import PathPatch, Rectangle
from matplotlib.path import Path

from moelab_kit.drawing import Panel
from moelab_kit.figures import describe
from moelab_kit.histograms import shows_histogram, shows_histograms

VALUES = np.random.default_rng(1).gamma(2.0, size=60)
OTHERS = np.random.default_rng(2).gamma(3.0, size=60)
LOADS = np.array([3, 3, 4, 7, 7, 7, 12, 0])
COUNTS, EDGES = np.histogram(VALUES, bins=9)
CENTRES, WIDTHS = (EDGES[1:] + EDGES[:-1]) / 2, np.diff(EDGES)


def panel_of(draw: Callable[[Axes], object]) -> Panel:
    figure = Figure()
    draw(figure.add_subplot())
    (panel,) = describe(figure).panels
    return panel


def loop_of_rectangles(axes: Axes) -> None:
    for left, width, count in zip(EDGES, WIDTHS, COUNTS, strict=False):
        if count:
            axes.add_patch(Rectangle((left, 0), width, count))
    axes.autoscale_view()


def loop_of_bars(axes: Axes) -> None:
    for left, width, count in zip(EDGES, WIDTHS, COUNTS, strict=False):
        axes.bar(left, count, width=width, align="edge", color=f"C{int(count)}")


def compound_path(axes: Axes) -> None:
    corners = np.stack(
        [
            np.stack([EDGES[:-1], EDGES[:-1], EDGES[1:], EDGES[1:]]),
            np.stack([0 * COUNTS, COUNTS, COUNTS, 0 * COUNTS]),
        ],
        axis=-1,
    )
    axes.add_patch(PathPatch(Path.make_compound_path_from_polys(corners.transpose(1, 0, 2))))
    axes.autoscale_view()


def coloured_by_height(axes: Axes) -> None:
    _, _, patches = axes.hist(VALUES, bins=12)
    for number, patch in enumerate(patches):
        patch.set_facecolor((number / 12, 0, 0))


STYLES: dict[str, Callable[[Axes], object]] = {
    "hist": lambda axes: axes.hist(VALUES),
    "many bins": lambda axes: axes.hist(VALUES, bins=200),
    "bins chosen by a rule": lambda axes: axes.hist(VALUES, bins="fd"),
    "uneven bins": lambda axes: axes.hist(VALUES, bins=[0, 0.5, 1, 2, 4, 8, 16]),
    "a wider range": lambda axes: axes.hist(VALUES, range=(0, 30)),
    "gaps": lambda axes: axes.hist(VALUES, rwidth=0.8),
    "uneven bins, gaps": lambda axes: axes.hist(VALUES, bins=[0, 1, 3, 20], rwidth=0.7),
    "a tensor": lambda axes: axes.hist(torch.from_numpy(VALUES).float(), bins=20),
    "float32": lambda axes: axes.hist(VALUES.astype(np.float32), bins=37),
    "step": lambda axes: axes.hist(VALUES, histtype="step"),
    "many steps": lambda axes: axes.hist(VALUES, histtype="step", bins=150),
    "stepfilled": lambda axes: axes.hist(VALUES, histtype="stepfilled", alpha=0.4),
    "barstacked": lambda axes: axes.hist(VALUES, histtype="barstacked"),
    "logarithmic": lambda axes: axes.hist(VALUES, log=True),
    "coloured by height": coloured_by_height,
    "bars, left edges": lambda axes: axes.bar(EDGES[:-1], COUNTS, width=WIDTHS, align="edge"),
    "bars, centres": lambda axes: axes.bar(CENTRES, COUNTS, width=WIDTHS, edgecolor="k"),
    "bars, narrow": lambda axes: axes.bar(CENTRES, COUNTS, width=0.9 * WIDTHS),
    "bars, too wide": lambda axes: axes.bar(CENTRES, COUNTS),
    "bars, narrow at the left": lambda axes: axes.bar(
        EDGES[:-1], COUNTS, width=0.9 * WIDTHS, align="edge"
    ),
    "rectangles": loop_of_rectangles,
    "bars one by one": loop_of_bars,
    "one path": compound_path,
    "stairs": lambda axes: axes.stairs(COUNTS, EDGES),
    "filled stairs": lambda axes: axes.stairs(COUNTS, EDGES, fill=True),
    "step line after": lambda axes: axes.step(EDGES, [*COUNTS, COUNTS[-1]], where="post"),
    "step line before": lambda axes: axes.step(EDGES, [COUNTS[0], *COUNTS], where="pre"),
    "step line in the middle": lambda axes: axes.step(CENTRES, COUNTS, where="mid"),
    "line of steps": lambda axes: axes.plot(
        np.repeat(EDGES, 2), np.concatenate([[0], np.repeat(COUNTS, 2), [0]])
    ),
    "filled between": lambda axes: axes.fill_between(EDGES, [*COUNTS, 0], step="post"),
}


@pytest.mark.parametrize("name", STYLES)
def test_a_histogram_of_counts_is_found_whatever_its_bins_and_style(name: str) -> None:
    panel = panel_of(STYLES[name])
    assert shows_histogram(panel, VALUES, counts_only=True)
    assert not shows_histogram(panel, VALUES[:-1])
    assert not shows_histogram(panel, np.append(VALUES[1:], VALUES.max()))


LOAD_STYLES: dict[str, Callable[[Axes], object]] = {
    "one bin per count": lambda axes: axes.hist(LOADS, bins=np.arange(14) - 0.5),
    "integer edges": lambda axes: axes.hist(LOADS, bins=range(14)),
    "centred on integers": lambda axes: axes.hist(LOADS, bins=range(14), align="left"),
    "bars of distinct counts": lambda axes: axes.bar(*np.unique(LOADS, return_counts=True)),
    "three bins": lambda axes: axes.hist(LOADS, bins=3),
    "all equal": lambda axes: axes.hist(LOADS, bins=1),
}


@pytest.mark.parametrize("name", LOAD_STYLES)
def test_histograms_of_integers_may_have_bins_of_any_kind(name: str) -> None:
    assert shows_histogram(panel_of(LOAD_STYLES[name]), LOADS, counts_only=True)


def test_equal_values_have_a_histogram_too() -> None:
    assert shows_histogram(panel_of(lambda axes: axes.hist([4, 4, 4])), np.full(3, 4.0))


def test_one_bin_is_a_histogram_too() -> None:
    assert shows_histogram(panel_of(lambda axes: axes.hist(VALUES, 1, histtype="step")), VALUES)


DENSITIES: dict[str, Callable[[Axes], object]] = {
    "bars": lambda axes: axes.hist(VALUES, density=True),
    "uneven": lambda axes: axes.hist(VALUES, bins=[0, 1, 2, 4, 20], density=True),
    "step": lambda axes: axes.hist(VALUES, density=True, histtype="step"),
    "gaps": lambda axes: axes.hist(VALUES, density=True, rwidth=0.5),
    "by hand": lambda axes: axes.bar(CENTRES, COUNTS / WIDTHS / 60, width=WIDTHS),
}


@pytest.mark.parametrize("name", DENSITIES)
def test_a_density_is_a_histogram_but_not_one_of_counts(name: str) -> None:
    panel = panel_of(DENSITIES[name])
    assert shows_histogram(panel, VALUES)
    assert not shows_histogram(panel, VALUES, counts_only=True)


def cut_range(axes: Axes) -> None:
    axes.hist(VALUES, range=(0, VALUES.max() * 0.9))


def cut_view(axes: Axes) -> None:
    axes.hist(VALUES)
    axes.set_xlim(0, VALUES.max() * 0.9)


def cut_height(axes: Axes) -> None:
    axes.hist(VALUES)
    axes.set_ylim(0, 5)


def bars_of_the_values(axes: Axes) -> None:
    axes.bar(np.arange(60), VALUES)


WRONG: dict[str, Callable[[Axes], object]] = {
    "nothing": lambda axes: None,
    "range cut": cut_range,
    "view cut": cut_view,
    "height cut": cut_height,
    "values clipped": lambda axes: axes.hist(np.clip(VALUES, 0, VALUES.max() * 0.7)),
    "cumulative": lambda axes: axes.hist(VALUES, cumulative=True),
    "lying": lambda axes: axes.hist(VALUES, orientation="horizontal"),
    "other values": lambda axes: axes.hist(OTHERS),
    "the logarithm": lambda axes: axes.hist(np.log(VALUES)),
    "half a bin off": lambda axes: axes.bar(EDGES[:-1], COUNTS, width=WIDTHS),
    "the values as bars": bars_of_the_values,
    "a line through the centres": lambda axes: axes.plot(CENTRES, COUNTS),
    "both samples in one": lambda axes: axes.hist(np.concatenate([VALUES, OTHERS])),
    "infinite": lambda axes: axes.bar([0, 1], [np.inf, np.nan]),
}


@pytest.mark.filterwarnings("ignore:invalid value")
@pytest.mark.parametrize("name", WRONG)
def test_anything_else_is_not_the_histogram(name: str) -> None:
    assert not shows_histogram(panel_of(WRONG[name]), VALUES)


def two_calls(axes: Axes) -> None:
    axes.hist(VALUES, alpha=0.5, bins=20)
    axes.hist(OTHERS, alpha=0.5, bins=20)


def by_hand_in_two_colours(axes: Axes) -> None:
    for sample, colour in ((VALUES, "C0"), (OTHERS, "C1")):
        counts, edges = np.histogram(sample, bins=15)
        for left, right, count in zip(edges, edges[1:], counts, strict=False):
            axes.bar(left, count, width=right - left, align="edge", color=colour)


def taller_on_a_twin(axes: Axes) -> None:
    axes.hist(VALUES, bins=40, color="C0")
    axes.twinx().hist(OTHERS, bins=4, color="C1")


def cut_on_a_twin(axes: Axes) -> None:
    axes.hist(VALUES, bins=4, color="C0")
    twin = axes.twinx()
    twin.hist(OTHERS, bins=4, color="C1")
    twin.set_ylim(0, 5)


def one_on_a_twin(axes: Axes) -> None:
    axes.hist(VALUES)
    axes.twinx().hist(OTHERS, color="C1", density=True)


TWO: dict[str, Callable[[Axes], object]] = {
    "two calls": two_calls,
    "side by side": lambda axes: axes.hist([VALUES, OTHERS], bins=12),
    "side by side, density": lambda axes: axes.hist([VALUES, OTHERS], bins=12, density=True),
    "stacked": lambda axes: axes.hist([VALUES, OTHERS], stacked=True),
    "stacked density": lambda axes: axes.hist([VALUES, OTHERS], stacked=True, density=True),
    "steps": lambda axes: axes.hist([VALUES, OTHERS], histtype="step"),
    "filled steps": lambda axes: axes.hist([VALUES, OTHERS], histtype="stepfilled", alpha=0.3),
    "stacked steps": lambda axes: axes.hist([VALUES, OTHERS], histtype="stepfilled", stacked=True),
    "by hand": by_hand_in_two_colours,
    "on a twin": one_on_a_twin,
    "higher on a twin than the first axis goes": taller_on_a_twin,
    "columns of an array": lambda axes: axes.hist(np.stack([VALUES, OTHERS], axis=1)),
}


@pytest.mark.parametrize("name", TWO)
def test_two_histograms_in_one_panel_are_told_apart(name: str) -> None:
    panel = panel_of(TWO[name])
    assert shows_histograms(panel, [VALUES, OTHERS])
    assert not shows_histograms(panel, [VALUES, VALUES])
    assert not shows_histograms(panel, [VALUES, OTHERS + 1])


def test_one_histogram_does_not_count_twice() -> None:
    panel = panel_of(lambda axes: axes.hist(VALUES))
    assert not shows_histograms(panel, [VALUES, VALUES])
    twice = panel_of(lambda axes: axes.hist([VALUES, VALUES]))
    assert shows_histograms(twice, [VALUES, VALUES])


def test_what_a_twin_cuts_away_is_missing() -> None:
    assert not shows_histograms(panel_of(cut_on_a_twin), [VALUES, OTHERS])
    assert not shows_histogram(panel_of(cut_on_a_twin), OTHERS)


def test_a_stacked_bar_is_cut_where_its_top_is_not_where_its_height_would_end():
    def stacked(axes: Axes) -> None:
        axes.bar([0, 1], [4, 4])
        axes.bar([0, 1], [4, 0.5], bottom=[4, 4])
        axes.set_ylim(0, 5)

    bars = [bar for bar in panel_of(stacked).bars if bar.height > 0]
    assert [bar.whole for bar in bars] == [True, True, False, True]
