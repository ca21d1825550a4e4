"""Reading matplotlib's artists: upright rectangles as bars, and outlines in steps.

A bar may come from `bar` or `hist`, from a patch added by hand, from a collection or from a filled
`stairs`; steps from `hist(histtype="step")`, `stairs`, `step` or `fill_between(step=…)`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, TypeAlias

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import Collection, PatchCollection, PolyCollection, PolyQuadMesh
from matplotlib.lines import AxLine, Line2D
from matplotlib.patches import FancyBboxPatch, Patch, Rectangle, StepPatch
from matplotlib.path import Path
from matplotlib.transforms import Transform

from autograder.lab.artists import STRAIGHT, differs_from_paper, in_data_coordinates, is_drawn, is_visible
from autograder.lab.drawing import Array, Bar, Colour, Limits, Steps

Box: TypeAlias = tuple[float, float, float, float]  # centre, bottom, width, height

ROUNDING = 1e-4  # of the largest limit: a bar may end so far beyond it
_NOTHING = (0.0, 0.0, 0.0, 0.0)
_CURVES = (Path.CURVE3, Path.CURVE4)


def bars_and_steps(axes: Axes) -> tuple[list[Bar], list[Steps]]:
    """Rectangles that stand upright, in the order of drawing, and outlines in steps."""
    bars: list[Bar] = []
    steps: list[Steps] = []
    calls = {
        id(patch): number
        for number, container in enumerate(axes.containers)
        for patch in getattr(container, "patches", ())
    }
    by_colour: dict[Colour, int] = {}
    artists: list[Patch | Collection] = [*axes.patches, *axes.collections]
    artists.sort(key=lambda artist: artist.get_zorder())
    for number, artist in enumerate(artists, start=len(axes.containers)):
        for shape, colour in _shapes(artist, axes):
            if not differs_from_paper(colour, axes):
                continue
            if isinstance(shape, Steps):
                steps.append(shape)
                continue
            group = calls.get(id(artist))
            if group is None:
                many = isinstance(artist, Collection | StepPatch)
                group = number if many else by_colour.setdefault(colour, number)
            bars.append(Bar(*shape, colour, group))
    steps += [found for line in axes.lines if (found := _steps_of(line, axes)) is not None]
    return _judged_whole(bars, axes), [replace(one, whole=_is_whole(one, axes)) for one in steps]


def _judged_whole(bars: list[Bar], axes: Axes) -> list[Bar]:
    """The same bars, each with whether its centre and its top lie within the axes' limits."""
    if not bars:
        return bars
    centres, bottoms, heights = np.array([(bar.x, bar.bottom, bar.height) for bar in bars]).T
    tops = bottoms + heights
    whole = (heights <= 0) | (_within(centres, axes.get_xlim()) & _within(tops, axes.get_ylim()))
    return [
        bar if inside else replace(bar, whole=False)
        for bar, inside in zip(bars, whole, strict=True)
    ]


def _is_whole(steps: Steps, axes: Axes) -> bool:
    middles = (steps.lefts + steps.rights) / 2
    inside = _within(middles, axes.get_xlim()) & _within(steps.heights, axes.get_ylim())
    return bool(np.all(inside | ~(steps.heights > 0)))


def _within(values: Array, limits: Limits) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Which values lie within the limits of an axis, or hardly beyond them."""
    low, high = sorted(limits)
    reach = ROUNDING * max(abs(low), abs(high))
    return np.asarray((values >= low - reach) & (values <= high + reach))


def _shapes(artist: Patch | Collection, axes: Axes) -> Iterator[tuple[Box | Steps, Colour]]:
    if not is_visible(artist):
        return
    if isinstance(artist, PatchCollection | PolyCollection):
        if not isinstance(artist, PolyQuadMesh):
            yield from _of_collection(artist, axes)
    elif isinstance(artist, Patch):
        edge = artist.get_edgecolor() if artist.get_linewidth() > 0 else _NOTHING
        colour = _colour(artist.get_facecolor(), edge, axes)
        yield from ((shape, colour) for shape in _of_patch(artist, axes))


def _of_patch(patch: Patch, axes: Axes) -> Iterator[Box | Steps]:
    transform = patch.get_data_transform()
    if isinstance(patch, Rectangle | FancyBboxPatch):
        if transform == axes.transData and not getattr(patch, "angle", 0.0):
            width = float(patch.get_width())
            middle = float(patch.get_x()) + width / 2
            yield middle, float(patch.get_y()), abs(width), float(patch.get_height())
    elif isinstance(patch, StepPatch):
        yield from _of_stairs(patch)
    else:
        path = patch.get_patch_transform().transform_path(patch.get_path())
        yield from _of_path(path, transform, axes)


def _of_stairs(patch: StepPatch) -> Iterator[Box | Steps]:
    values, edges, baseline = patch.get_data()
    if patch.orientation != "vertical":
        return
    values, edges = np.asarray(values, dtype=float), np.asarray(edges, dtype=float)
    bottoms = np.broadcast_to(np.asarray(0.0 if baseline is None else baseline), values.shape)
    yield Steps(edges[:-1], edges[1:], values - bottoms)
    if patch.get_fill():
        for left, right, bottom, top in zip(edges[:-1], edges[1:], bottoms, values, strict=True):
            yield float(left + right) / 2, float(bottom), float(right - left), float(top - bottom)


def _of_collection(
    collection: PatchCollection | PolyCollection, axes: Axes
) -> Iterator[tuple[Box | Steps, Colour]]:
    collection.update_scalarmappable()
    faces, edges = np.asarray(collection.get_facecolor()), np.asarray(collection.get_edgecolor())
    nothing = np.zeros(4)
    for number, path in enumerate(collection.get_paths()):
        face = faces[number % len(faces)] if len(faces) else nothing
        edge = edges[number % len(edges)] if len(edges) else nothing
        for shape in _of_path(path, collection.get_transform(), axes):
            yield shape, _colour(face, edge, axes)


def _of_path(path: Path, transform: Transform, axes: Axes) -> Iterator[Box | Steps]:
    for points in _rings(path):
        placed = in_data_coordinates(points, transform, axes)
        if placed is None:
            continue
        shape = _rectangle(placed)
        found = shape if shape is not None else _outline(placed)
        if found is not None:
            yield found


def _rings(path: Path) -> Iterator[Array]:
    """The parts of a path, where all are straight; closed parts end where they began."""
    vertices = np.asarray(path.vertices, dtype=float)
    if path.codes is None:
        yield vertices
        return
    codes = np.asarray(path.codes)
    if np.isin(codes, _CURVES).any():
        return
    starts = np.flatnonzero(codes == Path.MOVETO)
    for start, stop in zip(starts, [*starts[1:], len(codes)], strict=True):
        closing = codes[start:stop, None] == Path.CLOSEPOLY
        yield np.where(closing, vertices[start], vertices[start:stop])


def _rectangle(points: Array) -> Box | None:
    """An upright rectangle of four corners, each of them perhaps repeated."""
    if len(points) < 4:
        return None
    points = points[np.any(points != np.roll(points, 1, axis=0), axis=1)]
    if len(points) != 4:
        return None
    flat = _flat(np.vstack([points, points[:1]]))
    upright, level = flat[:, 0], flat[:, 1]
    if not (np.all(upright != level) and np.all(upright != np.roll(upright, 1))):
        return None
    (left, low), (right, high) = points.min(axis=0), points.max(axis=0)
    return float(left + right) / 2, float(low), float(right - left), float(high - low)


def _outline(points: Array) -> Steps | None:
    """The steps of a line that runs level or upright only; a lower edge is subtracted."""
    flat = _flat(points)
    if len(points) < 4 or not flat.any(axis=1).all():
        return None
    level = ~flat[:, 0]
    ends = np.stack([points[:-1][level, 0], points[1:][level, 0]])
    lefts, rights, ys = ends.min(axis=0), ends.max(axis=0), points[:-1][level, 1]
    edges = np.unique(ends)
    heights = []
    for middle in (edges[1:] + edges[:-1]) / 2:
        here = ys[(lefts < middle) & (middle < rights)]
        if len(here) not in (1, 2):
            return None
        heights.append(here[0] if len(here) == 1 else np.ptp(here))
    return Steps(edges[:-1], edges[1:], np.array(heights, dtype=float)) if heights else None


def _flat(points: Array) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """For each side of a polygon, whether it does not move in x, and in y: [n − 1, 2]."""
    scale = np.abs(points).max(axis=0, initial=0.0)
    return np.asarray(np.abs(np.diff(points, axis=0)) <= STRAIGHT * scale)


def _steps_of(line: Line2D, axes: Axes) -> Steps | None:
    if not is_drawn(line) or isinstance(line, AxLine) or line.get_transform() != axes.transData:
        return None
    if not differs_from_paper(line.get_color(), axes):
        return None
    x = np.asarray(line.get_xdata(orig=False), dtype=float)
    y = np.asarray(line.get_ydata(orig=False), dtype=float)
    if len(x) < 2 or not (np.isfinite(x).all() and np.isfinite(y).all()):
        return None
    style = line.get_drawstyle()
    if style == "default":
        return _outline(np.column_stack([x, y])) if np.ptp(x) > 0 and np.ptp(y) > 0 else None
    if style == "steps-post":
        return Steps(x, np.append(x[1:], x[-1]), y)
    if style == "steps-mid":
        inner = (x[1:] + x[:-1]) / 2
        edges = np.concatenate([[2 * x[0] - inner[0]], inner, [2 * x[-1] - inner[-1]]])
        return Steps(edges[:-1], edges[1:], y)
    return Steps(np.insert(x[:-1], 0, x[0]), x, y)


def _colour(face: Any, edge: Any, axes: Axes) -> Colour:
    """The face's colour; the edge's where the face is see-through or of the paper's colour."""
    shown = edge if face[3] == 0 or not differs_from_paper(face, axes) else face
    red, green, blue, alpha = (float(part) for part in shown)
    return red, green, blue, alpha
