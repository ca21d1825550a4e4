"""Whether two drawings are wrong in the same way, whatever their style.

Titles, colours, bins and the like are a student's own choice, so two drawings of one wrong idea
rarely look the same. They are compared by aspects: what is drawn where, not how it looks.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from moelab_kit.drawing import Array, Bar, Drawing, Panel

TOLERANCE = 1e-4  # of the largest value of an aspect; of the reach of a histogram
SHARE = 0.01  # a share of the values read from bars is off by less
ROOM = 0.2  # of an axis: what its automatic limits may leave above or below
LONGEST_TITLE = 200  # characters in which numbers are looked for
_NUMBER = re.compile(r"\d+\.\d+")

Aspects = Mapping[str, Any]

# What a student may do differently unless the misconception shows in it.
_FREE = ("lines", "colours", "numbers", "panels")
# What often only follows from something else: the first of them counts where nothing else differs.
_DERIVED = ("amounts", "legend", "limits")


def wrong_alike(drawing: Drawing, known: Drawing, right: Drawing) -> bool:
    """Whether a drawing differs from the right one just as a known-wrong one does, or neither."""
    kinds = [_is_histogram(panel) for panel in right.panels]
    given, wrong, correct = (_aspects(one, kinds) for one in (drawing, known, right))
    expected, found = _deviations(wrong, correct), _deviations(given, correct)
    telling = _telling(expected)
    if any(map(_is_strict, found - telling)):
        return False
    if any(map(_is_derived, telling)) and any(name.endswith("lines") for name in found):
        return False
    if all(name.endswith("limits") for name in telling):
        return telling <= found and all(_near(given[name], wrong[name]) for name in telling)
    return all(_same(given.get(name), wrong.get(name)) for name in telling)


def differs(drawing: Drawing, right: Drawing) -> bool:
    """Whether a drawing differs from the right one in any aspect."""
    kinds = [_is_histogram(panel) for panel in right.panels]
    return bool(_deviations(_aspects(drawing, kinds), _aspects(right, kinds)))


def parting(drawing: Drawing, right: Drawing) -> Iterator[tuple[str, tuple[Any, Any]]]:
    """The aspects in which a drawing differs from the right one, with what each has there.

    Of a histogram, these are the edges of its bins.
    """
    kinds = [_is_histogram(panel) for panel in right.panels]
    given, correct = _aspects(drawing, kinds), _aspects(right, kinds)
    for name in sorted(_deviations(given, correct), key=_is_derived):
        one, other = given.get(name), correct.get(name)
        yield name, (_told(one), _told(other))


def _told(aspect: Any) -> Any:
    return aspect.edges if isinstance(aspect, _Histogram) else aspect


def plain(drawing: Drawing) -> Aspects:
    """All aspects of a drawing, for comparing it with one that is drawn alike."""
    return _aspects(drawing, [_is_histogram(panel) for panel in drawing.panels])


@dataclass(frozen=True, slots=True, eq=False)
class _Histogram:
    """Edges in ascending order, and the share of all values that lies to the left of each."""

    edges: Array
    below: Array

    def agrees(self, other: _Histogram) -> bool:
        """Whether both may show the same values, each in bins of its own."""
        return self._fits(other) and other._fits(self)

    def _fits(self, other: _Histogram) -> bool:
        reach = TOLERANCE * max(1e-9, float(np.ptp(self.edges)), float(np.ptp(other.edges)))
        before = np.searchsorted(other.edges, self.edges - reach, "left")
        after = np.searchsorted(other.edges, self.edges + reach, "right")
        below = np.concatenate([[0.0], other.below, [1.0]])
        fewest, most = below[before], below[after + 1]
        return bool(np.all(self.below >= fewest - SHARE) and np.all(self.below <= most + SHARE))


def _deviations(drawing: Aspects, right: Aspects) -> frozenset[str]:
    names = drawing.keys() | right.keys()
    return frozenset(n for n in names if not _same(drawing.get(n), right.get(n)))


def _telling(deviating: frozenset[str]) -> frozenset[str]:
    """The deviations that tell a misconception, without those that only follow from others."""
    own = frozenset(name for name in deviating if not _is_derived(name))
    by_kind = (frozenset(n for n in deviating if n.endswith(kind)) for kind in _DERIVED)
    return own or next(filter(None, by_kind), frozenset())


def _is_derived(aspect: str) -> bool:
    return aspect.endswith(_DERIVED)


def _is_strict(aspect: str) -> bool:
    return not aspect.endswith(_FREE + _DERIVED)


def _same(one: Any, other: Any) -> bool:
    """Whether an aspect has the same value in two drawings."""
    if isinstance(one, _Histogram) and isinstance(other, _Histogram):
        return one.agrees(other)
    if isinstance(one, np.ndarray) and isinstance(other, np.ndarray):
        if one.shape != other.shape:
            return False
        reach = TOLERANCE * max(1e-6, float(np.abs(np.nan_to_num(other)).max(initial=0.0)))
        return bool(np.allclose(one, other, rtol=0, atol=reach, equal_nan=True))
    return type(one) is type(other) and bool(one == other)


def _near(limits: Array, known: Array) -> bool:
    """Whether limits of an axis are the known ones but for the room above and below."""
    return bool(np.all(np.abs(limits - known) <= ROOM * abs(np.ptp(known))))


def _aspects(drawing: Drawing, histograms: Sequence[bool]) -> Aspects:
    found: dict[str, Any] = {"panels": len(drawing.panels)}
    for place, panel in enumerate(drawing.panels):
        is_histogram = histograms[place] if place < len(histograms) else _is_histogram(panel)
        for name, value in _of_panel(panel, is_histogram):
            found[f"panel {place}: {name}"] = value
        found[f"panel {place}: legend"] = min(2, len(panel.legend) + len(drawing.legend))
    return found


def _of_panel(panel: Panel, is_histogram: bool) -> Iterator[tuple[str, Any]]:
    for name in ("title", "xlabel", "ylabel"):
        yield name, bool(getattr(panel, name).strip())
    yield "numbers", _NUMBER.findall(panel.title[:LONGEST_TITLE])
    yield "limits", np.array(panel.ylim)
    for orientation in ("horizontal", "vertical"):
        lines = [(line.at, line.dashed) for line in panel.lines if line.orientation == orientation]
        yield f"{orientation} lines", np.array(sorted(lines), dtype=float)
    for number, image in enumerate(panel.images):
        yield f"image {number}", image
    if is_histogram:
        yield from _of_histograms(panel)
    else:
        bars = sorted(panel.bars, key=lambda bar: (bar.x, bar.group))
        yield "bars", np.array([bar.value for bar in bars])
        yield "colours", _colours(bars)


def _of_histograms(panel: Panel) -> Iterator[tuple[str, Any]]:
    pieces = [(steps.lefts, steps.rights, steps.heights) for steps in panel.steps]
    for group in dict.fromkeys(bar.group for bar in panel.bars):
        bars = sorted((b for b in panel.bars if b.group == group), key=lambda bar: bar.x)
        sides = ("left", "right", "height")
        lefts, rights, heights = (np.array([getattr(b, side) for b in bars]) for side in sides)
        pieces.append((lefts, rights, heights))
    for number, (lefts, rights, heights) in enumerate(pieces):
        total = heights.sum()
        if total > 0 and np.all(np.isfinite(np.concatenate([lefts, rights, heights]))):
            below = np.cumsum(heights) / total
            edges = np.append(lefts, rights[-1])
            yield f"histogram {number}", _Histogram(edges, np.append(0.0, below))
        yield f"histogram {number} amounts", _amounts(rights - lefts, heights)


def _amounts(widths: Array, heights: Array) -> str:
    """What the heights of a histogram are."""
    if np.allclose(heights, np.rint(heights)):
        return "counts"
    return "densities" if abs(float((widths * heights).sum()) - 1) <= SHARE else "other amounts"


def _is_histogram(panel: Panel) -> bool:
    """Whether bars touch each other, or an outline is drawn."""
    bars = sorted(panel.bars, key=lambda bar: (bar.group, bar.x))
    pairs = [(one, two) for one, two in pairwise(bars) if one.group == two.group]
    touching = [abs(two.left - one.right) <= TOLERANCE * one.width for one, two in pairs]
    return bool(panel.steps) or (bool(touching) and all(touching))


def _colours(bars: Sequence[Bar]) -> list[int]:
    """Which bars share a colour: for each the number of its colour, in order of appearance."""
    numbers: dict[tuple[float, ...], int] = {}
    seen = [tuple(round(channel, 1) for channel in bar.seen_colour) for bar in bars if bar.value]
    return [numbers.setdefault(colour, len(numbers)) for colour in seen]
