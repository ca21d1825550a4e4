"""What a figure draws, as plain data: panels with their bars, steps, lines, images and texts.

A check reads a `Drawing`, never a figure, so that it asks the same of a plot made in the notebook
and of one that comes out of the sandbox. Reading a figure is the task of `figures`.

A drawing leaves the sandbox as plain lists, dicts, texts and arrays. What comes back may be
anything at all, so `from_plain` takes nothing for granted: it raises `ValueError` for whatever
`to_plain` could not have made. Both belong to the data that they describe, which makes this module
long.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

Array: TypeAlias = npt.NDArray[np.floating]
Colour: TypeAlias = tuple[float, float, float, float]
Limits: TypeAlias = tuple[float, float]
Orientation: TypeAlias = Literal["horizontal", "vertical"]

SHORTEST_LINE = 0.2  # of the axis: less is a tick or a marker, not a reference line
SAME_COLOUR = 0.02  # per channel, of 1
MOST_MARKS = 6  # dashed lines of one direction in a panel: more mark nothing


@dataclass(frozen=True, slots=True)
class Bar:
    """One rectangle: centre `x`, the `bottom` it stands on, its RGBA colour.

    Bars of one `bar` or `hist` call, one collection, or else of one colour, share a `group`. A bar
    whose centre or top lies beyond the limits of the axes that it is drawn in is not `whole`.
    """

    x: float
    bottom: float
    width: float
    height: float
    colour: Colour
    group: int
    whole: bool = True

    @property
    def left(self) -> float:
        return self.x - self.width / 2

    @property
    def right(self) -> float:
        return self.x + self.width / 2

    @property
    def value(self) -> float:
        """The y coordinate that the bar reaches: its end away from zero."""
        top = self.bottom + self.height
        return self.bottom if abs(self.bottom) > abs(top) else top

    @property
    def seen_colour(self) -> tuple[float, float, float]:
        """The RGB colour as it looks on white paper."""
        red, green, blue, alpha = self.colour
        return (
            1 - alpha * (1 - red),
            1 - alpha * (1 - green),
            1 - alpha * (1 - blue),
        )


@dataclass(frozen=True, slots=True)
class Line:
    """A straight line `at` a y (horizontal) or x (vertical) coordinate, from `start` to `end`."""

    orientation: Orientation
    at: float
    start: float
    end: float
    dashed: bool


@dataclass(frozen=True, slots=True, eq=False)
class Steps:
    """An outline in steps: [n] left and right edges, and the heights between them.

    `whole` as for a `Bar`, of all steps.
    """

    lefts: Array
    rights: Array
    heights: Array
    whole: bool = True


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Panel:
    """One pair of axes with what is drawn in it, bars in the order of drawing."""

    title: str = ""
    xlabel: str = ""
    ylabel: str = ""
    xlim: Limits = (0.0, 1.0)
    ylim: Limits = (0.0, 1.0)
    bars: tuple[Bar, ...] = ()
    steps: tuple[Steps, ...] = ()
    lines: tuple[Line, ...] = ()
    images: tuple[Array, ...] = ()
    legend: tuple[str, ...] = ()

    def bar_values(self, count: int) -> Array:
        """The values that `count` bars show, in order of x: [count].

        Bars at one x (stacked, or drawn over each other) show the value that the highest reaches.
        A bar may be missing where its value is 0 and the others stand at 0, 1, 2, …

        Raises:
            AssertionError: another number of bars is drawn.
        """
        return np.array([column.value if column else 0.0 for column in self._columns(count)])

    def bar_colours(self, count: int) -> list[tuple[float, float, float] | None]:
        """The colours of `count` bars in order of x; `None` for a bar of height 0."""
        return [
            column.seen_colour if column is not None and column.value != 0 else None
            for column in self._columns(count)
        ]

    def has_dashed_line(self, orientation: Orientation, at: float, tolerance: float = 1e-4) -> bool:
        """Whether a dashed line in view lies at this position, up to a relative tolerance.

        Of more than `MOST_MARKS` none counts: one of a carpet of lines lies anywhere.
        """
        across, along = (
            (self.ylim, self.xlim) if orientation == "horizontal" else (self.xlim, self.ylim)
        )
        reach = tolerance * max(abs(at), 1e-6)
        marks = [line for line in self.lines if line.dashed and line.orientation == orientation]
        return len(marks) <= MOST_MARKS and any(
            abs(line.at - at) <= reach
            and min(across) - reach <= line.at <= max(across) + reach
            and abs(line.end - line.start) >= SHORTEST_LINE * abs(along[1] - along[0])
            for line in marks
        )

    def shows_image(self, expected: Array, tolerance: float = 1e-4) -> bool:
        """Whether the panel shows this [rows, columns] array; NaN in `expected` may be anything.

        Of images of one size a reader sees the topmost, and a lower one where that is masked; in a
        panel with images of several sizes it is anyone's guess which one is meant.
        """
        if not self.images or any(image.shape != expected.shape for image in self.images):
            return False
        shown = self.images[0]
        for image in self.images[1:]:
            shown = np.where(np.isnan(image), shown, image)
        known = ~np.isnan(expected)
        reach = tolerance * max(1e-6, float(np.abs(expected[known]).max(initial=0.0)))
        return bool(np.all(np.abs(shown[known] - expected[known]) <= reach))

    def _columns(self, count: int) -> list[Bar | None]:
        """The highest bar at each x; `None` where a bar of height 0 was left out."""
        columns = _by_position(_without_bands(self._bars_in_view()))
        if not all(bar.whole for bar in columns):
            raise AssertionError("a bar ends beyond the limits of its axes, where nobody sees it")
        if len(columns) > count:
            columns = [bar for bar in columns if bar.value != 0]
        if len(columns) == count:
            return list(columns)
        places: dict[int, Bar] = {round(bar.x): bar for bar in columns}
        if columns and len(places) == len(columns) and set(places) <= set(range(count)):
            return [places.get(place) for place in range(count)]
        raise AssertionError(f"a panel draws {len(columns)} bars, not one for each expert")

    def _bars_in_view(self) -> list[Bar]:
        low, high = sorted(self.xlim)
        return [bar for bar in self.bars if bar.width > 0 and bar.right >= low and bar.left <= high]


@dataclass(frozen=True, slots=True, eq=False)
class Drawing:
    """A figure's panels in the order of its axes, and the texts of legends outside them."""

    panels: tuple[Panel, ...]
    legend: tuple[str, ...] = ()

    def first(self, count: int) -> tuple[Panel, ...]:
        """The first `count` panels; AssertionError where there are fewer."""
        if len(self.panels) < count:
            found = "no panel" if not self.panels else f"{len(self.panels)} panel(s)"
            raise AssertionError(f"the figure has {found}, not {count}")
        return self.panels[:count]

    def unlabelled(self, count: int) -> str:
        """Name the first of `count` panels without title or axis label; "" where none lacks it."""
        for number, panel in enumerate(self.first(count), start=1):
            texts = {"title": panel.title, "x label": panel.xlabel, "y label": panel.ylabel}
            for name, text in texts.items():
                if not text.strip():
                    return f"panel {number} has no {name}"
        return ""


def same_values(got: Array, expected: Array, tolerance: float = 1e-4) -> bool:
    """Whether bars show the expected values, up to this share of the largest of them."""
    reach = tolerance * max(1e-6, float(np.abs(expected).max(initial=0.0)))
    return got.shape == expected.shape and bool(np.all(np.abs(got - expected) <= reach))


def same_colour(one: Sequence[float], other: Sequence[float]) -> bool:
    """Whether two RGB colours look alike."""
    return all(abs(a - b) <= SAME_COLOUR for a, b in zip(one, other, strict=True))


def _without_bands(bars: list[Bar]) -> list[Bar]:
    """Leave out rectangles that lie behind several bars: they mark a range, not a value."""
    centres = np.sort(np.array([bar.x for bar in bars if math.isfinite(bar.x)]))
    if not len(centres):
        return []
    lefts, rights = (np.array([getattr(bar, side) for bar in bars]) for side in ("left", "right"))
    first, last = np.searchsorted(centres, lefts, "right"), np.searchsorted(centres, rights, "left")
    distinct = np.cumsum(np.diff(centres, prepend=centres[0] - 1) > 1e-9)
    return [
        bar
        for bar, start, stop in zip(bars, first, last, strict=True)
        if math.isfinite(bar.x) and (stop <= start or distinct[stop - 1] - distinct[start] < 2)
    ]


def _by_position(bars: list[Bar]) -> list[Bar]:
    """One bar for each x: the highest, and of equal ones the last drawn."""
    ordered = sorted(bars, key=lambda bar: bar.x)
    span = ordered[-1].x - ordered[0].x if ordered else 0.0
    columns: list[Bar] = []
    for bar in ordered:
        if columns and bar.x - columns[-1].x <= 1e-6 * max(span, bar.width):
            if not abs(bar.value) < abs(columns[-1].value):
                columns[-1] = bar
        else:
            columns.append(bar)
    return columns


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
