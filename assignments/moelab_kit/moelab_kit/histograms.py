"""Does a panel show the histogram of these values? Any choice of bins is right.

The bars or steps must agree with the values at every edge: what stands to the left of an edge is
the number of values below it. Values on an edge may count on either side, for rounding puts them
there. Nothing may be clipped away, neither by the bins nor by the limits of the axes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import permutations

import numpy as np

from moelab_kit.drawing import Array, Bar, Panel, Steps

MOST_GROUPS = 64  # of bars in one panel; a histogram drawn in more pieces is not looked for
EDGE = 1e-4  # of the largest value: float32, or a small constant in a quotient, moves edges so far
MOST_SHADES = 2  # rectangles behind a panel's bars that mark a range of values
COUNT = 0.01  # a count read from a density is off by less


@dataclass(frozen=True, slots=True)
class _Shape:
    """One reading of some bars as a histogram; `parts` tells bars and outlines apart."""

    parts: frozenset[int]
    lefts: Array
    rights: Array
    heights: Array
    whole: bool


def shows_histogram(panel: Panel, values: Array, *, counts_only: bool = False) -> bool:
    """Whether one of the panel's histograms is that of these values.

    With `counts_only` a density is not enough: the bars must add up to the number of values.
    """
    found = _matches(panel, values, len(values), counts_only=counts_only)
    return bool(found) and not _unexplained(panel, found)


def shows_histograms(panel: Panel, samples: Sequence[Array]) -> bool:
    """Whether the panel shows the histogram of each sample, each drawn by bars of its own.

    Here as for one histogram, a panel that draws further ones shows none: a reader cannot tell
    which is meant.
    """
    together = sum(len(sample) for sample in samples)
    found = [_matches(panel, sample, together, counts_only=False) for sample in samples]
    return _distinct(found) and not _unexplained(panel, set().union(*found))


def _unexplained(panel: Panel, found: set[frozenset[int]]) -> bool:
    """Whether the panel draws bars or outlines that belong to none of the histograms found.

    A few lone rectangles as high as all the rest are shades behind a range of values.
    """
    bars, explained = panel.bars, frozenset[int]().union(*found)
    rest = {position for position, bar in enumerate(bars) if bar.height != 0} - explained
    tallest = max((bars[position].value for position in explained if position >= 0), default=0.0)
    shades = {position for position in rest if bars[position].value >= tallest}
    if len(shades) <= MOST_SHADES:
        rest -= shades
    outlines = {-number for number, steps in enumerate(panel.steps, 1) if np.any(steps.heights)}
    return bool(rest or outlines - explained)


def _distinct(found: list[set[frozenset[int]]]) -> bool:
    """Whether one set can be picked from each collection so that no two overlap."""
    if not all(found):
        return False
    if len(found) == 1:
        return True
    return any(
        _distinct([{other for other in others if not other & parts} for others in found[1:]])
        for parts in found[0]
    )


def _matches(
    panel: Panel, values: Array, together: int, *, counts_only: bool
) -> set[frozenset[int]]:
    values = np.sort(np.asarray(values, dtype=np.float64))
    if not len(values):
        return set()
    found: set[frozenset[int]] = set()
    for shape in _shapes(panel):
        if shape.parts in found or not shape.whole:
            continue
        widths = shape.rights - shape.lefts
        scales = [np.ones_like(widths)]
        if not counts_only:
            scales += [widths * len(values), widths * together]
        if any(_agrees(shape, shape.heights * scale, values) for scale in scales):
            found.add(shape.parts)
    return found


def _agrees(shape: _Shape, counts: Array, values: Array) -> bool:
    """Compare the bars' running total with the number of values below each edge."""
    order = np.argsort(shape.lefts, kind="stable")
    lefts, rights, totals = shape.lefts[order], shape.rights[order], np.cumsum(counts[order])
    reach = EDGE * max(float(np.abs(values).max()), float(np.ptp(values)), 1e-12)
    if np.any(lefts[1:] < rights[:-1] - reach) or not np.all(np.isfinite(totals)):
        return False
    edges = np.concatenate([lefts, rights])
    below = np.concatenate([totals - counts[order], totals])
    fewest = np.searchsorted(values, edges - reach, "left") - COUNT
    most = np.searchsorted(values, edges + reach, "right") + COUNT
    complete = abs(totals[-1] - len(values)) <= COUNT
    return bool(complete and np.all(below >= fewest) and np.all(below <= most))


def _shapes(panel: Panel) -> Iterator[_Shape]:
    for number, steps in enumerate(panel.steps, start=1):
        yield from _of_steps(steps, frozenset({-number}))
    groups = _groups(panel.bars)
    for parts in groups:
        yield from _of_bars([panel.bars[part] for part in sorted(parts)], parts)
    yield from _of_clusters(panel.bars, groups)
    yield from _of_stacks(panel.bars)


def _of_steps(steps: Steps, parts: frozenset[int]) -> Iterator[_Shape]:
    lefts, rights, heights = steps.lefts, steps.rights, steps.heights
    yield _Shape(parts, lefts, rights, heights, steps.whole)
    wide = rights > lefts
    if wide.any() and not wide.all():
        yield _Shape(parts, lefts[wide], rights[wide], heights[wide], steps.whole)


def _groups(bars: tuple[Bar, ...]) -> list[frozenset[int]]:
    """Bars that may form one histogram: drawn together, of one colour, or all of them."""
    by_call: dict[int, set[int]] = {}
    by_colour: dict[tuple[float, ...], set[int]] = {}
    for position, bar in enumerate(bars):
        by_call.setdefault(bar.group, set()).add(position)
        by_colour.setdefault(bar.colour, set()).add(position)
    sets = [*by_call.values(), *by_colour.values(), set(range(len(bars)))]
    return list(dict.fromkeys(frozenset(found) for found in sets if found))[:MOST_GROUPS]


def _of_bars(bars: list[Bar], parts: frozenset[int]) -> Iterator[_Shape]:
    """Read bars as they stand, and, where gaps or overlaps are even, with the gaps closed."""
    bars = sorted(bars, key=lambda bar: bar.x)
    centres, widths, heights = (
        np.array([getattr(bar, name) for bar in bars]) for name in ("x", "width", "height")
    )
    lefts, whole = centres - widths / 2, all(bar.whole for bar in bars)
    yield _Shape(parts, lefts, lefts + widths, heights, whole)
    full = widths / _share(centres, widths)
    if not np.all(np.isfinite(full)):
        return
    yield _Shape(parts, centres - full / 2, centres + full / 2, heights, whole)
    yield _Shape(parts, lefts, lefts + full, heights, whole)


def _of_clusters(bars: tuple[Bar, ...], groups: list[frozenset[int]]) -> Iterator[_Shape]:
    """Read bars of several samples side by side: the middle of each cluster is that of its bin."""
    rows = [sorted((bars[part] for part in parts), key=lambda bar: bar.x) for parts in groups]
    for one, other in permutations(range(len(rows)), 2):
        if len(rows[one]) != len(rows[other]) or groups[one] & groups[other]:
            continue
        centres = np.array([(a.x + b.x) / 2 for a, b in zip(rows[one], rows[other], strict=True)])
        spacing = np.diff(centres)
        if not len(spacing) or np.ptp(spacing) > 1e-3 * abs(spacing[0]):
            continue
        heights = np.array([bar.height for bar in rows[one]])
        half = np.full_like(centres, spacing[0] / 2)
        whole = all(bar.whole for bar in rows[one])
        yield _Shape(groups[one], centres - half, centres + half, heights, whole)


def _of_stacks(bars: tuple[Bar, ...]) -> Iterator[_Shape]:
    """Read bars that stand on each other, as of several classes, as one histogram."""
    columns: dict[tuple[float, float], list[Bar]] = {}
    for bar in bars:
        columns.setdefault((bar.left, bar.right), []).append(bar)
    if len(columns) == len(bars):
        return
    for column in columns.values():
        column.sort(key=lambda bar: bar.bottom)
        tops = np.cumsum([bar.height for bar in column])
        bottoms = np.array([bar.bottom for bar in column])
        if np.any(np.abs(bottoms[1:] - tops[:-1]) > COUNT) or bottoms[0] != 0:
            return
    sides, whole = np.array(list(columns)), all(bar.whole for bar in bars)
    heights = np.array([sum(bar.height for bar in column) for column in columns.values()])
    yield _Shape(frozenset(range(len(bars))), sides[:, 0], sides[:, 1], heights, whole)


def _share(centres: Array, widths: Array) -> Array:
    """The share of its bin that each bar fills, where it is the same for all bars; else NaN."""
    gaps = np.diff(centres)
    if not len(gaps) or np.any(gaps <= 0):
        return np.full_like(widths, np.nan)
    shares = (widths[1:] + widths[:-1]) / (2 * gaps)
    even = shares.min() > 0 and np.ptp(shares) <= 1e-3 * shares.max()
    return np.full_like(widths, shares[0] if even else np.nan)
