"""From a matplotlib figure to what it draws, and to a picture of it.

`describe` reads a figure without rendering it; `drawn` is what checks call: it takes a figure, as
in the notebook, or the `Drawing` that has come out of the sandbox in its place.
"""

from __future__ import annotations

import io
from dataclasses import replace
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.legend import Legend
from matplotlib.text import Text

from moelab_kit.artists import bars_and_steps, images, straight_lines
from moelab_kit.compare import kind_of
from moelab_kit.drawing import Drawing, Line, Panel, check_size, from_plain, to_plain

__all__ = ["Drawing", "Panel", "describe", "drawn", "from_plain", "picture", "to_plain"]

MOST_PIXELS = 4_000_000
FINEST_DPI = 100.0
COARSEST_DPI = 20.0


def drawn(value: Any) -> Drawing:
    """What a figure draws; AssertionError where the value is no figure."""
    if isinstance(value, Drawing):
        return value
    if isinstance(value, Figure):
        return describe(value)
    raise AssertionError(
        f"the result is {kind_of(value)}: return the matplotlib figure itself (`return fig`)"
    )


def describe(figure: Figure) -> Drawing:
    """Read what a figure draws, without rendering it.

    Hidden axes and colour bars are no panels; what a twin of a panel draws belongs to the panel.

    Raises:
        ValueError: the figure holds more than `drawing_plain` allows.
    """
    panels: list[tuple[Axes, list[Axes]]] = []
    for axes in figure.axes:
        if not _is_panel(axes):
            continue
        host = next((entry for entry in panels if _are_twins(entry[0], axes)), None)
        if host is None:
            panels.append((axes, []))
        else:
            host[1].append(axes)
    legends = [legend for part in _figures(figure) for legend in part.legends]
    drawing = Drawing(
        tuple(_panel(axes, twins) for axes, twins in panels),
        tuple(text for legend in legends for text in _legend_texts(legend)),
    )
    check_size(drawing)
    return drawing


def picture(figure: Figure, max_bytes: int) -> bytes:
    """Render a figure as PNG of at most `max_bytes`, coarser until it fits; b"" if it never does.

    A figure that cannot be rendered (a formula with a slip in a title, an artist of one's own that
    raises) gives b"" as well: the picture is an extra to what was described.
    """
    width, height = figure.get_size_inches()
    dpi = min(FINEST_DPI, (MOST_PIXELS / max(width * height, 1e-6)) ** 0.5)
    while dpi >= COARSEST_DPI:
        buffer = io.BytesIO()
        try:
            figure.savefig(buffer, format="png", dpi=dpi)
        except Exception:
            return b""
        if buffer.tell() <= max_bytes:
            return buffer.getvalue()
        dpi *= 0.7
    return b""


def _panel(axes: Axes, twins: list[Axes]) -> Panel:
    if axes.name != "rectilinear":
        return Panel(title=_title(axes))
    bars, steps = bars_and_steps(axes)
    lines = straight_lines(axes)
    legend = _legends(axes)
    for twin in twins:
        more_bars, more_steps = bars_and_steps(twin)
        shift = 1 + max((bar.group for bar in bars), default=0)
        bars += [replace(bar, group=bar.group + shift) for bar in more_bars]
        steps += more_steps
        legend += _legends(twin)
        lines += [_as_seen(line, twin, axes) for line in straight_lines(twin)]
    return Panel(
        title=_title(axes),
        xlabel=_text(axes.xaxis.label) if axes.axison and axes.xaxis.get_visible() else "",
        ylabel=_text(axes.yaxis.label) if axes.axison and axes.yaxis.get_visible() else "",
        xlim=_pair(axes.get_xlim()),
        ylim=_pair(axes.get_ylim()),
        bars=tuple(bars),
        steps=tuple(steps),
        lines=tuple(lines),
        images=tuple(images(axes)),
        legend=tuple(legend),
    )


def _is_panel(axes: Axes) -> bool:
    """Whether axes count as a panel: shown, no colour bar, and not an empty place in the grid."""
    if not axes.get_visible() or getattr(axes, "_colorbar", None) is not None:
        return False
    drawn_in = (*axes.lines, *axes.patches, *axes.collections, *axes.images)
    return axes.get_label() != "<colorbar>" and (axes.axison or bool(drawn_in))


def _are_twins(one: Axes, other: Axes) -> bool:
    twins = getattr(one, "_twinned_axes", None)
    return twins is not None and bool(twins.joined(one, other))


def _as_seen(line: Line, twin: Axes, axes: Axes) -> Line:
    """A twin's line in the coordinates of the panel that it lies over."""
    turn = 1 if line.orientation == "horizontal" else -1
    ends = [(line.start, line.at)[::turn], (line.end, line.at)[::turn]]
    seen = axes.transData.inverted().transform(twin.transData.transform(ends))
    (start, at), (end, _) = (point[::turn] for point in seen)
    return replace(line, at=float(at), start=float(start), end=float(end))


def _figures(figure: Any) -> list[Any]:
    """A figure and the figures within it."""
    return [figure, *(inner for part in figure.subfigs for inner in _figures(part))]


def _title(axes: Axes) -> str:
    places = (axes._left_title, axes.title, axes._right_title)  # type: ignore[attr-defined]
    return " ".join(filter(None, (_text(place) for place in places)))


def _text(text: Text) -> str:
    return str(text.get_text()).strip() if text.get_visible() else ""


def _legends(axes: Axes) -> list[str]:
    legends = [child for child in axes.get_children() if isinstance(child, Legend)]
    return [text for legend in legends for text in _legend_texts(legend)]


def _legend_texts(legend: Legend) -> list[str]:
    if not legend.get_visible():
        return []
    return [text for entry in legend.get_texts() if (text := _text(entry))]


def _pair(limits: tuple[float, float]) -> tuple[float, float]:
    low, high = limits
    return float(low), float(high)
