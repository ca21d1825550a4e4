"""Reading matplotlib's artists: what one pair of axes draws, as lines, images, bars and steps.

Positions are data coordinates. Artists that are invisible, or placed by other coordinates than the
data's, are left out. Nothing is rendered. A bar may come from `bar` or `hist`, from a patch added
by hand, from a collection or from a filled `stairs`; steps from `hist(histtype="step")`, `stairs`,
`step` or `fill_between(step=…)`: matplotlib has that many ways, which makes this module long.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, TypeAlias

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.collections import (
    Collection,
    LineCollection,
    PatchCollection,
    PolyCollection,
    PolyQuadMesh,
    QuadMesh,
)
from matplotlib.colors import to_rgba
from matplotlib.image import AxesImage
from matplotlib.lines import AxLine, Line2D
from matplotlib.patches import FancyBboxPatch, Patch, Rectangle, StepPatch
from matplotlib.path import Path
from matplotlib.transforms import Transform

from moelab_kit.drawing import Array, Bar, Colour, Limits, Line, Steps

Box: TypeAlias = tuple[float, float, float, float]  # left, right, low, high

FAINTEST = 0.02  # of 1: what is less opaque, or differs less in colour, nobody sees
MOST_COLOURS = 100_000  # pixels whose colours are looked at; of larger images a grid of them
STRAIGHT = 1e-9  # of the largest coordinate: rounding bends a line by less


def straight_lines(axes: Axes) -> list[Line]:
    """Horizontal and vertical lines, however they were drawn."""
    found: list[Line | None] = []
    for line in axes.lines:
        if not is_drawn(line) or line.get_drawstyle() != "default":
            continue
        if isinstance(line, AxLine):
            found.append(_endless(line, axes))
        else:
            points = np.column_stack([line.get_xdata(orig=False), line.get_ydata(orig=False)])
            if not _stands_out(line, points, axes):
                continue
            found.append(_straight(points, line.get_transform(), axes, dashed=_is_dashed(line)))
    for collection in axes.collections:
        if not isinstance(collection, LineCollection) or not is_visible(collection):
            continue
        styles: list[Any] = list(collection.get_linestyle())
        colours = collection.get_colors()
        if len(colours) and not any(differs_from_paper(colour, axes) for colour in colours):
            continue
        for number, segment in enumerate(collection.get_segments()):
            dashed = bool(styles and styles[number % len(styles)][1])
            points = np.asarray(segment)
            found.append(_straight(points, collection.get_transform(), axes, dashed=dashed))
    return [line for line in found if line is not None]


def images(axes: Axes) -> list[Array]:
    """Images and colour meshes of numbers (not of colours) that can be seen, the topmost last.

    Row by row; masked entries are NaN. Left out is what lies wholly below an opaque image, what is
    of one colour all over, and pixels beyond the limits of the axes.
    """
    artists: list[Any] = [image for image in axes.images if image.get_array() is not None]
    artists += [mesh for mesh in axes.collections if isinstance(mesh, QuadMesh | PolyQuadMesh)]
    seen: list[tuple[Array, Box]] = []
    for artist in sorted(artists, key=lambda artist: float(artist.get_zorder())):
        if not is_visible(artist):
            continue
        box = _box(artist)
        if _is_opaque(artist):
            seen = [other for other in seen if not _covers(box, other[1])]
        if isinstance(artist, AxesImage):
            values = _in_view(_numbers(artist.get_array()), artist, axes)
        else:
            values = _mesh_values(artist)
        if values.ndim == 2 and _has_colours(artist):
            seen.append((values, box))
    return [values for values, _ in seen]


def is_visible(artist: Any) -> bool:
    """Whether an artist is shown at all: neither switched off nor see-through as a whole."""
    alpha = artist.get_alpha()
    return bool(artist.get_visible()) and (alpha is None or float(np.max(alpha)) > FAINTEST)


def differs_from_paper(colour: Any, axes: Axes) -> bool:
    """Whether something of this colour can be told from the background of the axes."""
    *paint, alpha = to_rgba(colour)
    paper = to_rgba(axes.get_facecolor())
    if paper[3] == 0:
        paper = (1.0, 1.0, 1.0, 1.0)
    return alpha > FAINTEST and any(
        alpha * abs(one - other) > FAINTEST for one, other in zip(paint, paper[:3], strict=True)
    )


def is_drawn(line: Line2D) -> bool:
    """Whether a line's strokes are shown (its markers alone make no line)."""
    styled = line.get_linestyle() not in ("None", "none", " ", "") and line.get_linewidth() > 0
    return is_visible(line) and styled and to_rgba(line.get_color())[3] > 0


def in_data_coordinates(points: Array, transform: Transform, axes: Axes) -> Array | None:
    """Points as the axes' data coordinates; `None` where other coordinates place them."""
    if not np.isfinite(points).all():
        return None
    if transform == axes.transData:
        return points
    if tuple(transform.contains_branch_seperately(axes.transData)) != (True, True):
        return None
    return np.asarray((transform - axes.transData).transform(points), dtype=float)


def _stands_out(line: Line2D, points: Array, axes: Axes) -> bool:
    """Whether a line can be seen: in a colour of its own, or in the paper's across bars."""
    if differs_from_paper(line.get_color(), axes):
        return True
    middle = points.mean(axis=0) if len(points) else np.zeros(2)
    boxes = (patch.get_bbox() for patch in axes.patches if isinstance(patch, Rectangle))
    return any(box.y0 < middle[1] < box.y1 or box.x0 < middle[0] < box.x1 for box in boxes)


def _box(artist: Any) -> Box:
    """Left, right, low and high end of an image or mesh in data coordinates."""
    if isinstance(artist, AxesImage):
        left, right, low, high = artist.get_extent()
    else:
        corners = np.asarray(artist.get_coordinates(), dtype=float)
        (left, low), (right, high) = corners.min(axis=(0, 1)), corners.max(axis=(0, 1))
    left, right, low, high = float(left), float(right), float(low), float(high)
    return min(left, right), max(left, right), min(low, high), max(low, high)


def _covers(upper: Box, lower: Box) -> bool:
    return (
        upper[0] <= lower[0]
        and upper[1] >= lower[1]
        and upper[2] <= lower[2]
        and upper[3] >= lower[3]
    )


def _is_opaque(artist: Any) -> bool:
    """Whether nothing below an image shows: no transparency and no masked entry."""
    alpha = artist.get_alpha()
    if alpha is not None and float(np.min(alpha)) < 1:
        return False
    values = artist.get_array()
    if values.ndim == 3:
        return values.shape[-1] == 3 or bool(np.all(values[..., 3] >= 1))
    return bool(np.isfinite(_numbers(values)).all())


def _has_colours(artist: Any) -> bool:
    """Whether an image shows more than one colour (or has too few pixels to)."""
    values = _numbers(artist.get_array()).ravel()
    known = values[np.isfinite(values)]
    if len(known) < 2 or np.ptp(known) == 0:
        return True
    known = known[:: 1 + len(known) // MOST_COLOURS]
    ends = np.array([values[np.nanargmin(values)], values[np.nanargmax(values)]])
    colours = np.asarray(artist.to_rgba(np.concatenate([ends, known])), dtype=float)[:, :3]
    return bool(np.ptp(colours, axis=0).max() > FAINTEST)


def _in_view(values: Array, image: AxesImage, axes: Axes) -> Array:
    """The pixels of an image whose centres lie within the limits of its axes."""
    if values.ndim != 2 or image.get_transform() != axes.transData:
        return values
    left, right, low, high = image.get_extent()
    if image.origin == "upper":
        low, high = high, low
    rows, columns = values.shape
    ys = low + (high - low) * (np.arange(rows) + 0.5) / rows
    xs = left + (right - left) * (np.arange(columns) + 0.5) / columns
    (x0, x1), (y0, y1) = sorted(axes.get_xlim()), sorted(axes.get_ylim())
    seen: Array = values[(ys >= y0) & (ys <= y1)][:, (xs >= x0) & (xs <= x1)]
    return seen


def _mesh_values(mesh: QuadMesh | PolyQuadMesh) -> Array:
    """A mesh's values, rows along y: a mesh whose first direction is x is turned over."""
    values, corners = _numbers(mesh.get_array()), np.asarray(mesh.get_coordinates())
    rows, columns = corners.shape[:2]
    if values.ndim == 1:
        flat = values.size == (rows - 1) * (columns - 1)
        values = values.reshape((rows - 1, columns - 1) if flat else (rows, columns))
    ys = corners[..., 1]
    sideways = np.ptp(ys[:, 0]) == 0 < np.ptp(ys[0])
    return values.T if sideways else values


def _numbers(values: Any) -> Array:
    if values is None:
        return np.empty(0)
    found = np.ma.filled(np.ma.asarray(values).astype(np.float32), np.nan)
    return np.asarray(found, dtype=np.float32)


def _straight(points: Array, transform: Transform, axes: Axes, *, dashed: bool) -> Line | None:
    points = np.asarray(points, dtype=float)
    points = points[np.isfinite(points).all(axis=1)]
    if len(points) < 2:
        return None
    x_is_data, y_is_data = transform.contains_branch_seperately(axes.transData)
    if x_is_data and y_is_data:
        placed = in_data_coordinates(points, transform, axes)
        points = points if placed is None else placed
    (left, low), (right, high) = points.min(axis=0), points.max(axis=0)
    if y_is_data and left < right and high - low <= STRAIGHT * max(abs(low), abs(high)):
        start, end = (left, right) if x_is_data else _of_axis(axes.get_xlim(), left, right)
        return Line("horizontal", float(points[0, 1]), float(start), float(end), dashed)
    if x_is_data and low < high and right - left <= STRAIGHT * max(abs(left), abs(right)):
        start, end = (low, high) if y_is_data else _of_axis(axes.get_ylim(), low, high)
        return Line("vertical", float(points[0, 0]), float(start), float(end), dashed)
    return None


def _endless(line: AxLine, axes: Axes) -> Line | None:
    """A line of `axline`, given by a point and either a slope or a second point."""
    start: Any = line.get_xy1()
    other, slope = line.get_xy2(), line.get_slope()
    if start is None or Artist.get_transform(line) != axes.transData:
        return None
    x, y = start
    level = other[1] == y if other is not None else slope == 0
    upright = other[0] == x if other is not None else math.isinf(slope)
    if level:
        return Line("horizontal", float(y), *axes.get_xlim(), _is_dashed(line))
    return Line("vertical", float(x), *axes.get_ylim(), _is_dashed(line)) if upright else None


def _of_axis(limits: Limits, start: float, end: float) -> Limits:
    """Turn shares of an axis into its data coordinates."""
    low, high = limits
    return low + start * (high - low), low + end * (high - low)


def _is_dashed(line: Line2D) -> bool:
    """Any pattern but a solid line; `get_linestyle` calls every tuple "--", an empty one too."""
    _, pattern = getattr(line, "_unscaled_dash_pattern", (0, ()))
    return line.is_dashed() and bool(pattern)


Upright: TypeAlias = tuple[float, float, float, float]  # centre, bottom, width, height

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


def _shapes(artist: Patch | Collection, axes: Axes) -> Iterator[tuple[Upright | Steps, Colour]]:
    if not is_visible(artist):
        return
    if isinstance(artist, PatchCollection | PolyCollection):
        if not isinstance(artist, PolyQuadMesh):
            yield from _of_collection(artist, axes)
    elif isinstance(artist, Patch):
        edge = artist.get_edgecolor() if artist.get_linewidth() > 0 else _NOTHING
        colour = _colour(artist.get_facecolor(), edge, axes)
        yield from ((shape, colour) for shape in _of_patch(artist, axes))


def _of_patch(patch: Patch, axes: Axes) -> Iterator[Upright | Steps]:
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


def _of_stairs(patch: StepPatch) -> Iterator[Upright | Steps]:
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
) -> Iterator[tuple[Upright | Steps, Colour]]:
    collection.update_scalarmappable()
    faces, edges = np.asarray(collection.get_facecolor()), np.asarray(collection.get_edgecolor())
    nothing = np.zeros(4)
    for number, path in enumerate(collection.get_paths()):
        face = faces[number % len(faces)] if len(faces) else nothing
        edge = edges[number % len(edges)] if len(edges) else nothing
        for shape in _of_path(path, collection.get_transform(), axes):
            yield shape, _colour(face, edge, axes)


def _of_path(path: Path, transform: Transform, axes: Axes) -> Iterator[Upright | Steps]:
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


def _rectangle(points: Array) -> Upright | None:
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
