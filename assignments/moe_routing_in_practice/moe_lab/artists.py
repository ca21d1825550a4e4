"""Reading matplotlib's artists: the straight lines and the images that one pair of axes draws.

Positions are data coordinates. Artists that are invisible, or placed by other coordinates than the
data's, are left out. Nothing is rendered. Rectangles and outlines are the task of `rectangles`.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection, PolyQuadMesh, QuadMesh
from matplotlib.colors import to_rgba
from matplotlib.lines import AxLine, Line2D
from matplotlib.transforms import Transform

from .drawing import Array, Limits, Line

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
            found.append(_straight(points, line.get_transform(), axes, dashed=_is_dashed(line)))
    for collection in axes.collections:
        if not isinstance(collection, LineCollection) or not is_visible(collection):
            continue
        styles: list[Any] = list(collection.get_linestyle())
        for number, segment in enumerate(collection.get_segments()):
            dashed = bool(styles and styles[number % len(styles)][1])
            points = np.asarray(segment)
            found.append(_straight(points, collection.get_transform(), axes, dashed=dashed))
    return [line for line in found if line is not None]


def images(axes: Axes) -> list[Array]:
    """Images and colour meshes of numbers (not of colours), row by row; masked entries are NaN."""
    found: list[Array] = []
    for image in axes.images:
        if is_visible(image) and image.get_array() is not None:
            found.append(_numbers(image.get_array()))
    for mesh in axes.collections:
        if isinstance(mesh, QuadMesh | PolyQuadMesh) and is_visible(mesh):
            found.append(_mesh_values(mesh))
    return [image for image in found if image.ndim == 2]


def is_visible(artist: Any) -> bool:
    """Whether an artist is shown at all: neither switched off nor see-through as a whole."""
    alpha = artist.get_alpha()
    return bool(artist.get_visible()) and (alpha is None or float(np.max(alpha)) > 0)


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
