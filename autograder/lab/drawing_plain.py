"""Drawings as plain lists, dicts, texts and arrays, and back: the form that leaves the sandbox.

What comes back may be anything at all, so `from_plain` takes nothing for granted: it raises
`ValueError` for whatever `to_plain` could not have made.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from autograder.lab.drawing import Array, Bar, Drawing, Limits, Line, Panel, Steps

MOST_PANELS = 64
MOST_BARS = 20_000  # in all; the same for lines and for steps
MOST_IMAGES = 64  # in all
MOST_PIXELS = 4_000_000  # elements of all images together
MOST_TEXTS = 200  # in one legend
LONGEST_TEXT = 1_000  # characters; longer texts are cut

_TEXTS = ("title", "xlabel", "ylabel")
_BAR_NUMBERS = 10  # x, bottom, width, height, four of the colour, group, whole or not
_STEP_NUMBERS = 4  # left, right, height, whole or not
_LINE_NUMBERS = 5  # horizontal or not, at, start, end, dashed or not


def to_plain(drawing: Drawing) -> dict[str, Any]:
    """A drawing as dicts, lists, strings, floats and NumPy arrays; longer texts are cut."""
    return {
        "panels": [_plain_panel(panel) for panel in drawing.panels],
        "legend": _plain_texts(drawing.legend),
    }


def from_plain(plain: Any) -> Drawing:
    """The drawing that `to_plain` turned into `plain`.

    Raises:
        ValueError: `plain` is anything else, or holds more than a drawing may.
    """
    fields = _fields(plain, ("panels", "legend"))
    panels = _list(fields["panels"], MOST_PANELS)
    drawing = Drawing(tuple(_panel(panel) for panel in panels), _texts(fields["legend"]))
    check_size(drawing)
    return drawing


def check_size(drawing: Drawing) -> None:
    """Raise `ValueError` where a drawing holds more than can be sent and checked."""
    panels = drawing.panels
    sizes = (
        ("axes", len(panels), MOST_PANELS),
        ("bars", sum(len(panel.bars) for panel in panels), MOST_BARS),
        ("lines", sum(len(panel.lines) for panel in panels), MOST_BARS),
        ("outlines", sum(len(panel.steps) for panel in panels), MOST_BARS),
        ("steps", sum(len(steps.heights) for p in panels for steps in p.steps), MOST_BARS),
        ("images", sum(len(panel.images) for panel in panels), MOST_IMAGES),
        ("pixels", sum(image.size for p in panels for image in p.images), MOST_PIXELS),
    )
    for what, found, most in sizes:
        if found > most:
            raise ValueError(f"the figure holds {found:,} {what}; at most {most:,} can be checked")


def _plain_panel(panel: Panel) -> dict[str, Any]:
    bars = [(b.x, b.bottom, b.width, b.height, *b.colour, b.group, b.whole) for b in panel.bars]
    lines = [
        (line.orientation == "horizontal", line.at, line.start, line.end, line.dashed)
        for line in panel.lines
    ]
    return {
        **{name: getattr(panel, name)[:LONGEST_TEXT] for name in _TEXTS},
        "limits": np.array([*panel.xlim, *panel.ylim], dtype=np.float64),
        "bars": np.array(bars, dtype=np.float64).reshape(len(bars), _BAR_NUMBERS),
        "lines": np.array(lines, dtype=np.float64).reshape(len(lines), _LINE_NUMBERS),
        "steps": [
            np.stack(
                [steps.lefts, steps.rights, steps.heights, np.full(len(steps.lefts), steps.whole)]
            ).astype(np.float64)
            for steps in panel.steps
        ],
        "images": [np.ascontiguousarray(image, dtype=np.float32) for image in panel.images],
        "legend": _plain_texts(panel.legend),
    }


def _plain_texts(texts: tuple[str, ...]) -> list[str]:
    return [text[:LONGEST_TEXT] for text in texts[:MOST_TEXTS]]


def _panel(plain: Any) -> Panel:
    names = (*_TEXTS, "limits", "bars", "lines", "steps", "images", "legend")
    fields = _fields(plain, names)
    left, right, low, high = _array(fields["limits"], (4,)).tolist()
    steps = [_array(item, (_STEP_NUMBERS, None)) for item in _list(fields["steps"], MOST_BARS)]
    return Panel(
        title=_text(fields["title"]),
        xlabel=_text(fields["xlabel"]),
        ylabel=_text(fields["ylabel"]),
        xlim=_limits(left, right),
        ylim=_limits(low, high),
        bars=tuple(_bar(row) for row in _rows(fields["bars"], _BAR_NUMBERS)),
        lines=tuple(_line(row) for row in _rows(fields["lines"], _LINE_NUMBERS)),
        steps=tuple(map(_steps, steps)),
        images=tuple(_image(item) for item in _list(fields["images"], MOST_IMAGES)),
        legend=_texts(fields["legend"]),
    )


def _bar(row: list[float]) -> Bar:
    x, bottom, width, height, red, green, blue, alpha, group, whole = row
    if not all(0 <= part <= 1 for part in (red, green, blue, alpha)):
        raise ValueError("a colour lies outside 0..1")
    if not (0 <= group < 1e9 and group == int(group)):
        raise ValueError("a bar's group is not a count")
    if whole not in (0, 1):
        raise ValueError("whether a bar is whole is not a yes or no")
    return Bar(x, bottom, width, height, (red, green, blue, alpha), int(group), bool(whole))


def _steps(rows: Array) -> Steps:
    lefts, rights, heights, whole = rows
    if not (np.all(whole == 0) or np.all(whole == 1)):
        raise ValueError("whether an outline is whole is not a yes or no")
    return Steps(lefts, rights, heights, bool(np.all(whole == 1)))


def _line(row: list[float]) -> Line:
    horizontal, at, start, end, dashed = row
    if horizontal not in (0, 1) or dashed not in (0, 1):
        raise ValueError("a line's orientation or dashes are not a yes or no")
    return Line("horizontal" if horizontal else "vertical", at, start, end, bool(dashed))


def _limits(low: float, high: float) -> Limits:
    if not (math.isfinite(low) and math.isfinite(high)):
        raise ValueError("the limits of an axis are not finite")
    return low, high


def _fields(plain: Any, names: tuple[str, ...]) -> dict[str, Any]:
    if type(plain) is not dict or plain.keys() != set(names):
        raise ValueError("not the fields of a drawing")
    return plain


def _list(plain: Any, most: int) -> list[Any]:
    if type(plain) is not list or len(plain) > most:
        raise ValueError("not a list, or too long")
    return plain


def _texts(plain: Any) -> tuple[str, ...]:
    return tuple(_text(item) for item in _list(plain, MOST_TEXTS))


def _text(plain: Any) -> str:
    if type(plain) is not str or len(plain) > LONGEST_TEXT:
        raise ValueError("not a text, or too long")
    return plain


def _rows(plain: Any, columns: int) -> list[list[float]]:
    return list(_array(plain, (None, columns)).tolist())


def _array(plain: Any, shape: tuple[int | None, ...]) -> Array:
    """A float64 array of this shape, where `None` stands for up to `MOST_BARS`."""
    if type(plain) is not np.ndarray or plain.dtype != np.float64 or plain.ndim != len(shape):
        raise ValueError("not an array of float64, or of other dimensions")
    for size, wanted in zip(plain.shape, shape, strict=True):
        if size > MOST_BARS or wanted not in (None, size):
            raise ValueError("an array of another shape")
    return plain


def _image(plain: Any) -> Array:
    if type(plain) is not np.ndarray or plain.dtype != np.float32 or plain.ndim != 2:
        raise ValueError("not a two-dimensional array of float32")
    if plain.size > MOST_PIXELS:
        raise ValueError("an image is too large")
    return plain
