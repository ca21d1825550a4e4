"""Reading matplotlib's artists: the straight lines and the images that one pair of axes draws.

Positions are data coordinates. Artists that are invisible, or placed by other coordinates than the
data's, are left out. Nothing is rendered. Rectangles and outlines are the task of `rectangles`.
"""

from __future__ import annotations

import math
from typing import Any, TypeAlias

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection, PolyQuadMesh, QuadMesh
from matplotlib.colors import to_rgba
from matplotlib.image import AxesImage
from matplotlib.lines import AxLine, Line2D
from matplotlib.patches import Rectangle
from matplotlib.transforms import Transform

from autograder.lab.drawing import Array, Limits, Line

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
