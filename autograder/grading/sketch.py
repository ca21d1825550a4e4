"""What of a drawing tells one misconception from another, whatever its style.

Titles, colours, bins and the like are a student's own choice, so two drawings of the same wrong
idea rarely look the same. They are compared by aspects: what is drawn where, not how it looks.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from autograder.lab.drawing import Bar, Drawing, Panel

TOLERANCE = 1e-3  # of the largest value of an aspect
_NUMBER = re.compile(r"\d+\.\d+")
_TITLE = 200  # characters of a title in which numbers are looked for

Aspects = Mapping[str, Any]


def aspects(drawing: Drawing) -> Aspects:
    """The aspects of a drawing by name: numbers, arrays of numbers, or texts."""
    found: dict[str, Any] = {
        "panels": len(drawing.panels),
        "legend": bool(drawing.legend or any(panel.legend for panel in drawing.panels)),
    }
    for place, panel in enumerate(drawing.panels):
        found.update({f"{place} {name}": value for name, value in _of_panel(panel)})
    return found


def deviations(drawing: Aspects, right: Aspects) -> frozenset[str]:
    """The names of the aspects in which a drawing differs from the right one."""
    names = drawing.keys() | right.keys()
    return frozenset(n for n in names if not same_aspect(drawing.get(n), right.get(n)))


def same_aspect(one: Any, other: Any) -> bool:
    """Whether an aspect has the same value in two drawings."""
    if isinstance(one, np.ndarray) and isinstance(other, np.ndarray):
        if one.shape != other.shape:
            return False
        reach = TOLERANCE * max(1e-6, float(np.abs(np.nan_to_num(other)).max(initial=0.0)))
        return bool(np.allclose(one, other, rtol=0, atol=reach, equal_nan=True))
    return type(one) is type(other) and bool(one == other)


def _of_panel(panel: Panel) -> Iterator[tuple[str, Any]]:
    bars = sorted(panel.bars, key=lambda bar: (bar.x, bar.group))
    heights = np.array([bar.value for bar in bars])
    yield "has a title", bool(panel.title.strip())
    yield "has an x label", bool(panel.xlabel.strip())
    yield "has a y label", bool(panel.ylabel.strip())
    yield "numbers in the title", tuple(_NUMBER.findall(panel.title[:_TITLE]))
    yield "bars", heights
    yield "groups", len({bar.group for bar in bars})
    yield "colours", _alike(bars)
    yield "total", np.array([heights.sum() + sum(steps.heights.sum() for steps in panel.steps)])
    yield "reach", np.array(_reach(panel))
    yield "top", np.array([max(panel.ylim)])
    yield "outlines", len(panel.steps)
    for orientation in ("horizontal", "vertical"):
        lines = [line for line in panel.lines if line.orientation == orientation]
        yield f"{orientation} lines", np.array(sorted(line.at for line in lines))
        yield f"{orientation} dashes", [line.dashed for line in lines]
    yield "images", len(panel.images)
    for number, image in enumerate(panel.images):
        yield f"image {number}", image


def _alike(bars: Sequence[Bar]) -> list[int]:
    """Which bars share a colour: for each the number of its colour, in order of appearance."""
    numbers: dict[tuple[float, ...], int] = {}
    seen = [tuple(round(channel, 1) for channel in bar.seen_colour) for bar in bars if bar.value]
    return [numbers.setdefault(colour, len(numbers)) for colour in seen]


def _reach(panel: Panel) -> tuple[float, float]:
    """The left and right end of what stands on the x axis."""
    ends = [(bar.left, bar.right) for bar in panel.bars]
    ends += [(steps.lefts.min(), steps.rights.max()) for steps in panel.steps if len(steps.lefts)]
    return (
        float(min((left for left, _ in ends), default=0.0)),
        float(max((right for _, right in ends), default=0.0)),
    )
