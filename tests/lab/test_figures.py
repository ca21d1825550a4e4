"""What `describe` reads from a figure: every style of drawing that the exercises allow."""

from __future__ import annotations

from collections.abc import Callable

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.collections import PatchCollection
from matplotlib.figure import Figure
from matplotlib.gridspec import GridSpec
from matplotlib.patches import FancyBboxPatch, PathPatch, Polygon, Rectangle
from matplotlib.path import Path

from moelab_kit.drawing import Panel, same_colour
from moelab_kit.figures import describe, drawn, picture

HEIGHTS = np.array([3.0, 0.0, 5.0, 1.0, 2.5])
EXPERTS = np.arange(5)
RED, GREEN, BLUE = "#d62728", "#2ca02c", "#1f77b4"
COLOURS = [RED, GREEN, BLUE, RED, GREEN]


def panel_of(draw: Callable[[Axes], object]) -> Panel:
    figure = Figure()
    draw(figure.add_subplot())
    (panel,) = describe(figure).panels
    return panel


def boxes(heights: np.ndarray = HEIGHTS) -> list[Rectangle]:
    return [Rectangle((e - 0.4, 0), 0.8, h) for e, h in zip(EXPERTS, heights, strict=True)]


def one_call(axes: Axes) -> None:
    axes.bar(EXPERTS, HEIGHTS, color=COLOURS)


def as_categories(axes: Axes) -> None:
    axes.bar([f"expert {e}" for e in EXPERTS], HEIGHTS, color=COLOURS)


def one_call_each(axes: Axes) -> None:
    for expert in reversed(EXPERTS):
        axes.bar(expert, HEIGHTS[expert], color=COLOURS[expert])


def one_call_per_colour(axes: Axes) -> None:
    for colour in (BLUE, GREEN, RED):
        chosen = np.array([one == colour for one in COLOURS])
        axes.bar(EXPERTS[chosen], HEIGHTS[chosen], color=colour)


def zeros_elsewhere(axes: Axes) -> None:
    for colour in (RED, GREEN, BLUE):
        mine = np.array([one == colour for one in COLOURS])
        axes.bar(EXPERTS, np.where(mine, HEIGHTS, 0), color=colour)


def painted_over(axes: Axes) -> None:
    axes.bar(EXPERTS, HEIGHTS, color="grey")
    axes.bar(EXPERTS, HEIGHTS, color=COLOURS)


def recoloured(axes: Axes) -> None:
    for patch, colour in zip(axes.bar(EXPERTS, HEIGHTS), COLOURS, strict=True):
        patch.set_facecolor((*mpl.colors.to_rgb(colour), 1.0))


def outlines_only(axes: Axes) -> None:
    axes.bar(EXPERTS, HEIGHTS, fill=False, edgecolor=COLOURS)


def left_edges(axes: Axes) -> None:
    axes.bar(EXPERTS - 0.5, HEIGHTS, width=1.0, align="edge", color=COLOURS, edgecolor="white")


def stacked(axes: Axes) -> None:
    axes.bar(EXPERTS, HEIGHTS / 2, color=COLOURS)
    axes.bar(EXPERTS, HEIGHTS / 2, bottom=HEIGHTS / 2, color=COLOURS)


def patches_by_hand(axes: Axes) -> None:
    for box, colour in zip(boxes(), COLOURS, strict=True):
        box.set_facecolor(colour)
        axes.add_patch(box)
    axes.set_xlim(-1, 5)
    axes.set_ylim(0, 6)


def patch_collection(axes: Axes) -> None:
    axes.add_collection(PatchCollection(boxes(), facecolors=COLOURS))
    axes.autoscale_view()


def patch_collection_coloured_by_value(axes: Axes) -> None:
    palette = mpl.colors.ListedColormap([RED, GREEN, BLUE])
    collection = PatchCollection(boxes(), cmap=palette)
    collection.set_array(np.array([COLOURS[:3].index(colour) for colour in COLOURS]))
    axes.add_collection(collection)
    axes.autoscale_view()


def polygons(axes: Axes) -> None:
    for e, h, colour in zip(EXPERTS, HEIGHTS, COLOURS, strict=True):
        corners = [(e - 0.3, 0), (e - 0.3, h), (e + 0.3, h), (e + 0.3, 0)]
        axes.add_patch(Polygon(corners, facecolor=colour))
    axes.autoscale_view()


def filled_areas(axes: Axes) -> None:
    for e, h, colour in zip(EXPERTS, HEIGHTS, COLOURS, strict=True):
        axes.fill_between([e - 0.3, e + 0.3], 0, [h, h], color=colour)


def broken_bars(axes: Axes) -> None:
    for e, h, colour in zip(EXPERTS, HEIGHTS, COLOURS, strict=True):
        axes.broken_barh([(e - 0.4, 0.8)], (0, h), facecolors=colour)


def rounded_boxes(axes: Axes) -> None:
    for e, h, colour in zip(EXPERTS, HEIGHTS, COLOURS, strict=True):
        style = "round,pad=0,rounding_size=0.1"
        axes.add_patch(FancyBboxPatch((e - 0.4, 0), 0.8, h, boxstyle=style, facecolor=colour))
    axes.autoscale_view()


def without_the_empty_one(axes: Axes) -> None:
    seen = HEIGHTS > 0
    axes.bar(EXPERTS[seen], HEIGHTS[seen], color=np.array(COLOURS)[seen])


def logarithmic(axes: Axes) -> None:
    axes.bar(EXPERTS, HEIGHTS, color=COLOURS, log=True)


def on_a_twin(axes: Axes) -> None:
    axes.twinx().bar(EXPERTS, HEIGHTS, color=COLOURS)


def with_a_band_and_legend_bars(axes: Axes) -> None:
    axes.axhspan(1, 2, alpha=0.2)
    axes.axvspan(-0.5, 0.5, alpha=0.2)
    axes.fill_between([-0.5, 4.5], 1, 2, alpha=0.2)
    axes.bar(0, 0, color="black", label="only for the legend")
    axes.bar(np.nan, np.nan, color="black", label="this too")
    axes.bar(EXPERTS, HEIGHTS, color=COLOURS)
    axes.legend()


BAR_STYLES = [
    one_call,
    as_categories,
    one_call_each,
    one_call_per_colour,
    zeros_elsewhere,
    painted_over,
    recoloured,
    outlines_only,
    left_edges,
    stacked,
    patches_by_hand,
    patch_collection,
    patch_collection_coloured_by_value,
    polygons,
    filled_areas,
    broken_bars,
    rounded_boxes,
    without_the_empty_one,
    logarithmic,
    on_a_twin,
    with_a_band_and_legend_bars,
]


@pytest.mark.parametrize("style", BAR_STYLES)
def test_bars_are_read_in_order_of_x_however_they_are_drawn(style: Callable[[Axes], None]) -> None:
    panel = panel_of(style)
    np.testing.assert_allclose(panel.bar_values(5), HEIGHTS, atol=1e-9)
    for seen, wanted, height in zip(panel.bar_colours(5), COLOURS, HEIGHTS, strict=True):
        assert seen is None if height == 0 else same_colour(seen or (), mpl.colors.to_rgb(wanted))


def test_filled_stairs_are_bars_of_one_colour() -> None:
    panel = panel_of(lambda axes: axes.stairs(HEIGHTS, np.arange(6) - 0.5, fill=True, color=RED))
    np.testing.assert_allclose(panel.bar_values(5), HEIGHTS)


def nothing(axes: Axes) -> None:
    pass


def lying_bars(axes: Axes) -> None:
    axes.barh(EXPERTS, HEIGHTS)


def a_line(axes: Axes) -> None:
    axes.plot(EXPERTS, HEIGHTS, "o-")


def one_missing(axes: Axes) -> None:
    axes.bar(EXPERTS[:4] + 10, HEIGHTS[:4])


def cut_off(axes: Axes) -> None:
    axes.bar(EXPERTS + 1, HEIGHTS)
    axes.set_xlim(0, 4.5)


def invisible(axes: Axes) -> None:
    for patch in axes.bar(EXPERTS + 1, HEIGHTS):
        patch.set_visible(False)


def see_through(axes: Axes) -> None:
    axes.bar(EXPERTS + 1, HEIGHTS, alpha=0)


def in_axes_coordinates(axes: Axes) -> None:
    axes.set(xlim=(-1, 5), ylim=(0, 6))
    for box in boxes():
        box.set_transform(axes.transAxes)
        axes.add_patch(box)


@pytest.mark.parametrize(
    "style", [nothing, a_line, one_missing, invisible, see_through, in_axes_coordinates]
)
def test_without_one_upright_bar_per_expert_there_are_no_values(
    style: Callable[[Axes], None],
) -> None:
    panel = panel_of(style)
    with pytest.raises(AssertionError, match="bars, not one for each"):
        panel.bar_values(5)


@pytest.mark.parametrize("style", [lying_bars, cut_off])
def test_lying_bars_and_bars_out_of_view_do_not_show_the_values(
    style: Callable[[Axes], None],
) -> None:
    assert not np.allclose(panel_of(style).bar_values(5), HEIGHTS)


LEVEL = 2.0
LEVEL_LINES: dict[str, Callable[[Axes], object]] = {
    "axhline": lambda axes: axes.axhline(LEVEL, linestyle="--"),
    "axhline, long name": lambda axes: axes.axhline(LEVEL, ls="dashed"),
    "axhline, pattern": lambda axes: axes.axhline(LEVEL, linestyle=(0, (5, 2))),
    "axhline, dashes": lambda axes: axes.axhline(LEVEL, dashes=[4, 2]),
    "axhline, set later": lambda axes: axes.axhline(LEVEL).set_dashes([3, 3]),
    "dotted": lambda axes: axes.axhline(LEVEL, linestyle=":"),
    "dash-dot": lambda axes: axes.axhline(LEVEL, linestyle="-."),
    "plot, two points": lambda axes: axes.plot([0, 4], [LEVEL, LEVEL], "--"),
    "plot, many points": lambda axes: axes.plot(EXPERTS, np.full(5, LEVEL), "k--"),
    "hlines": lambda axes: axes.hlines(LEVEL, 0, 4, linestyles="dashed"),
    "hlines, a list": lambda axes: axes.hlines([LEVEL], [0], [4], linestyles=["--"]),
    "hlines across": lambda axes: axes.hlines(
        LEVEL, 0, 1, linestyles="--", transform=axes.get_yaxis_transform()
    ),
    "axline": lambda axes: axes.axline((0, LEVEL), slope=0, linestyle="--"),
    "axline, two points": lambda axes: axes.axline((0, LEVEL), (1, LEVEL), linestyle="--"),
}


@pytest.mark.parametrize("name", LEVEL_LINES)
def test_a_dashed_horizontal_line_is_found_however_it_is_drawn(name: str) -> None:
    def draw(axes: Axes) -> None:
        axes.bar(EXPERTS, HEIGHTS)
        LEVEL_LINES[name](axes)

    panel = panel_of(draw)
    assert panel.has_dashed_line("horizontal", LEVEL)
    assert not panel.has_dashed_line("horizontal", LEVEL + 0.01)
    assert not panel.has_dashed_line("vertical", LEVEL)


UPRIGHT_LINES: dict[str, Callable[[Axes], object]] = {
    "axvline": lambda axes: axes.axvline(LEVEL, linestyle="--"),
    "plot": lambda axes: axes.plot([LEVEL, LEVEL], [0, 5], "--"),
    "vlines": lambda axes: axes.vlines(LEVEL, 0, 5, linestyles="--"),
    "vlines across": lambda axes: axes.vlines(
        LEVEL, 0, 1, linestyles="--", transform=axes.get_xaxis_transform()
    ),
    "axline": lambda axes: axes.axline((LEVEL, 0), (LEVEL, 1), linestyle="--"),
    "on a twin": lambda axes: axes.twinx().axvline(LEVEL, linestyle="--"),
}


@pytest.mark.parametrize("name", UPRIGHT_LINES)
def test_a_dashed_vertical_line_is_found_however_it_is_drawn(name: str) -> None:
    def draw(axes: Axes) -> None:
        axes.bar(EXPERTS, HEIGHTS)
        UPRIGHT_LINES[name](axes)

    panel = panel_of(draw)
    assert panel.has_dashed_line("vertical", LEVEL)
    assert not panel.has_dashed_line("horizontal", LEVEL)


NOT_DASHED: dict[str, Callable[[Axes], object]] = {
    "solid": lambda axes: axes.axhline(LEVEL),
    "empty pattern": lambda axes: axes.axhline(LEVEL, linestyle=(0, ())),
    "solid hlines": lambda axes: axes.hlines(LEVEL, 0, 4),
    "invisible": lambda axes: axes.axhline(LEVEL, linestyle="--", visible=False),
    "see-through": lambda axes: axes.axhline(LEVEL, linestyle="--", alpha=0),
    "markers only": lambda axes: axes.plot([0, 4], [LEVEL, LEVEL], "o"),
    "a short stroke": lambda axes: axes.plot([0, 0.2], [LEVEL, LEVEL], "--"),
    "sloping": lambda axes: axes.plot([0, 4], [LEVEL, LEVEL + 0.01], "--"),
    "a share of the axis": lambda axes: axes.plot(
        [0, 1], [LEVEL, LEVEL], "--", transform=axes.transAxes
    ),
    "on a twin of another scale": lambda axes: axes.twinx().axhline(LEVEL, linestyle="--"),
}


@pytest.mark.parametrize("name", NOT_DASHED)
def test_what_shows_no_dashed_line_is_not_taken_for_one(name: str) -> None:
    def draw(axes: Axes) -> None:
        axes.bar(EXPERTS, HEIGHTS)
        NOT_DASHED[name](axes)

    assert not panel_of(draw).has_dashed_line("horizontal", LEVEL)


MATRIX = np.random.default_rng(0).normal(size=(4, 7))
COLUMN_EDGES, ROW_EDGES = np.arange(8.0), np.arange(5.0)
IMAGE_STYLES: dict[str, Callable[[Axes], object]] = {
    "imshow": lambda axes: axes.imshow(MATRIX, aspect="auto", cmap="RdBu"),
    "imshow, origin below": lambda axes: axes.imshow(MATRIX, origin="lower", vmin=0, vmax=1),
    "imshow, extent": lambda axes: axes.imshow(MATRIX, extent=(0, 7, 4, 0)),
    "imshow, float32": lambda axes: axes.imshow(MATRIX.astype(np.float32)),
    "matshow": lambda axes: axes.matshow(MATRIX),
    "pcolormesh": lambda axes: axes.pcolormesh(MATRIX),
    "pcolormesh, edges": lambda axes: axes.pcolormesh(COLUMN_EDGES, ROW_EDGES, MATRIX),
    "pcolormesh, centres": lambda axes: axes.pcolormesh(
        np.arange(7), np.arange(4), MATRIX, shading="nearest"
    ),
    "pcolormesh, smooth": lambda axes: axes.pcolormesh(
        np.arange(7), np.arange(4), MATRIX, shading="gouraud"
    ),
    "pcolormesh, columns first": lambda axes: axes.pcolormesh(
        *np.meshgrid(COLUMN_EDGES, ROW_EDGES, indexing="ij"), MATRIX.T
    ),
    "pcolormesh, raveled": lambda axes: axes.pcolormesh(
        np.zeros((4, 7)), vmin=-2, vmax=2
    ).set_array(MATRIX.ravel()),
    "pcolormesh, masked": lambda axes: axes.pcolormesh(np.ma.masked_invalid(MATRIX)),
    "pcolor": lambda axes: axes.pcolor(MATRIX),
    "pcolorfast": lambda axes: axes.pcolorfast(MATRIX),
    "upside down": lambda axes: (axes.pcolormesh(MATRIX), axes.invert_yaxis()),
}


@pytest.mark.parametrize("name", IMAGE_STYLES)
def test_an_image_is_read_row_by_row_however_it_is_drawn(name: str) -> None:
    panel = panel_of(IMAGE_STYLES[name])
    assert panel.shows_image(MATRIX)
    assert not panel.shows_image(MATRIX + 0.01)
    assert not panel.shows_image(MATRIX.T)


def test_images_of_colours_and_hidden_ones_show_no_numbers() -> None:
    painted = mpl.colormaps["viridis"](MATRIX)
    assert not panel_of(lambda axes: axes.imshow(painted)).images
    assert not panel_of(lambda axes: axes.imshow(MATRIX, visible=False)).images


def test_masked_entries_are_nan_and_may_be_left_open() -> None:
    panel = panel_of(lambda axes: axes.imshow(np.ma.masked_less(MATRIX, 0)))
    assert not panel.shows_image(MATRIX)
    assert panel.shows_image(np.where(MATRIX < 0, np.nan, MATRIX))


def test_colour_bars_and_hidden_axes_are_no_panels_wherever_they_stand() -> None:
    figure = Figure(layout="constrained")
    grid = GridSpec(2, 3, figure=figure)
    for number in range(5):
        axes = figure.add_subplot(grid[number])
        axes.set_title(f"panel {number}")
        figure.colorbar(axes.imshow(MATRIX), ax=axes)
    figure.add_subplot(grid[5]).axis("off")
    figure.add_axes((0, 0, 0.1, 0.1)).set_visible(False)
    figure.suptitle("all of it")
    titles = [panel.title for panel in describe(figure).panels]
    assert titles == [f"panel {number}" for number in range(5)]


def test_own_axes_for_a_colour_bar_are_no_panel() -> None:
    figure = Figure()
    left, cax, right = figure.subplots(1, 3)
    figure.colorbar(left.imshow(MATRIX), cax=cax)
    right.set_title("right")
    assert [panel.title for panel in describe(figure).panels] == ["", "right"]


def test_panels_within_subfigures_and_legends_of_the_figure_are_found() -> None:
    figure = Figure()
    for part in figure.subfigures(1, 2):
        axes = part.subplots()
        axes.bar(EXPERTS, HEIGHTS, label="load")
    part.legend()
    drawing = describe(figure)
    assert len(drawing.panels) == 2
    assert drawing.legend == ("load",)


def test_titles_may_stand_at_either_side_and_labels_count_only_where_they_show() -> None:
    def draw(axes: Axes) -> None:
        axes.set_title("left", loc="left")
        axes.set_title("$x^2$", loc="right")
        axes.set(xlabel="expert", ylabel=" ")

    figure = Figure()
    axes = figure.add_subplot()
    draw(axes)
    drawing = describe(figure)
    (panel,) = drawing.panels
    assert (panel.title, panel.xlabel, panel.ylabel) == ("left $x^2$", "expert", "")
    assert drawing.unlabelled(1) == "panel 1 has no y label"
    axes.bar(EXPERTS, HEIGHTS)
    axes.set_axis_off()
    assert describe(figure).panels[0].xlabel == ""


def test_legend_entries_are_read_and_an_empty_legend_has_none() -> None:
    def draw(axes: Axes) -> None:
        axes.hist([1, 2], label="first")
        axes.hist([1, 3], label="second")
        axes.legend(title="weights")

    assert panel_of(draw).legend == ("first", "second")
    with pytest.warns(UserWarning, match="No artists"):
        assert panel_of(lambda axes: axes.legend()).legend == ()


@pytest.mark.filterwarnings("ignore:invalid value")
def test_weird_artists_are_survived() -> None:
    def draw(axes: Axes) -> None:
        axes.set_title(r"$\frac{1}$")
        axes.bar([0, 1, 2], [np.nan, np.inf, 1])
        axes.plot([np.nan, np.nan], [1, 1])
        axes.plot([], [])
        axes.hlines([], [], [])
        axes.scatter(EXPERTS, HEIGHTS)
        axes.errorbar(EXPERTS, HEIGHTS, yerr=1)
        axes.contourf(MATRIX)
        axes.quiver(EXPERTS, EXPERTS, HEIGHTS, HEIGHTS)
        axes.annotate("here", (1, 1), (2, 2), arrowprops={"arrowstyle": "->"})
        axes.boxplot(HEIGHTS)
        axes.pie([1, 2])
        axes.violinplot(HEIGHTS)
        axes.hexbin(EXPERTS, HEIGHTS, gridsize=3)
        axes.stackplot(EXPERTS, HEIGHTS, HEIGHTS)
        axes.add_patch(PathPatch(Path(np.empty((0, 2)))))
        axes.add_patch(PathPatch(Path([[0, 0], [np.nan, 1], [1, 1]])))
        axes.set_yscale("symlog")

    assert panel_of(draw).title == r"$\frac{1}$"


def test_axes_that_are_not_rectangular_count_but_show_nothing() -> None:
    figure = Figure()
    figure.add_subplot(121, projection="polar").bar(EXPERTS, HEIGHTS)
    figure.add_subplot(122, projection="3d").bar3d(0, 0, 0, 1, 1, 1)
    drawing = describe(figure)
    assert [panel.bars for panel in drawing.panels] == [(), ()]


def test_drawn_takes_figures_and_drawings_and_explains_anything_else() -> None:
    class Special(Figure):
        pass

    drawing = drawn(Special())
    assert drawn(drawing) is drawing
    for value in (None, 3, Figure().add_subplot(), (Figure(), None)):
        with pytest.raises(AssertionError, match="return fig"):
            drawn(value)
    with pytest.raises(AssertionError, match="no panel, not 2"):
        drawing.first(2)


def test_a_figure_of_too_many_parts_is_refused() -> None:
    figure = Figure()
    axes = figure.add_subplot()
    axes.imshow(np.zeros((2001, 2000)))
    with pytest.raises(ValueError, match="pixels"):
        describe(figure)


def test_a_picture_keeps_to_its_size_and_an_impossible_one_is_empty() -> None:
    figure = Figure(figsize=(400, 300))
    figure.add_subplot().imshow(np.random.default_rng(0).normal(size=(50, 50)))
    assert picture(figure, 10) == b""
    figure.set_size_inches(6, 4)
    large = picture(figure, 1_000_000)
    small = picture(figure, len(large) - 1)
    assert large.startswith(b"\x89PNG")
    assert 0 < len(small) < len(large)
    figure.axes[0].set_title(r"$\frac{1}$")
    assert picture(figure, 1_000_000) == b""
