"""Drawings in the form that leaves the sandbox: nothing is lost, and nothing foreign gets in."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from autograder.wire.decode import decode
from autograder.wire.encode import encode
from autograder.wire.limits import WireError
from moelab_kit.drawing import MOST_BARS, from_plain, to_plain
from moelab_kit.figures import Drawing, describe


def plain_figure() -> dict[str, Any]:
    figure = Figure()
    left, right = figure.subplots(1, 2)
    left.set(title="loads", xlabel="expert", ylabel="tokens")
    left.bar([0, 1, 2], [3, np.nan, 1], color=["r", "g", "b"], label="load")
    left.axhline(2, linestyle="--")
    left.hist([1.0, 2.0, 2.5], histtype="step")
    left.legend()
    right.imshow(np.eye(3))
    figure.legend(["load"])
    return to_plain(describe(figure))


def test_a_drawing_survives_the_way_there_and_back() -> None:
    plain = plain_figure()
    again = to_plain(from_plain(copy.deepcopy(plain)))
    assert repr(again) == repr(plain)
    panel = from_plain(plain).panels[0]
    assert (panel.title, panel.legend) == ("loads", ("load",))
    assert panel.has_dashed_line("horizontal", 2)


def at(*keys: Any) -> Callable[[Any, Any], None]:
    def replace(plain: Any, value: Any) -> None:
        for key in keys[:-1]:
            plain = plain[key]
        plain[keys[-1]] = value

    return replace


def bad_bar(**changes: float) -> np.ndarray:
    row = np.array([[0, 0, 1, 1, 0.5, 0.5, 0.5, 1, 0]], dtype=float)
    for name, value in changes.items():
        row[0, {"red": 4, "group": 8}[name]] = value
    return row


PANEL = ("panels", 0)
BAD = [
    (at("panels"), None),
    (at("panels"), ()),
    (at("panels"), [None] * 65),
    (at("panels", 0), {}),
    (at("more"), 1),
    (at("legend"), "text"),
    (at("legend"), [3]),
    (at("legend"), ["x"] * 1000),
    (at(*PANEL, "title"), None),
    (at(*PANEL, "title"), "x" * 100_000),
    (at(*PANEL, "limits"), [0, 1, 0, 1]),
    (at(*PANEL, "limits"), np.array([0.0, 1.0, 0.0, np.nan])),
    (at(*PANEL, "limits"), np.zeros(3)),
    (at(*PANEL, "bars"), []),
    (at(*PANEL, "bars"), np.zeros((2, 8))),
    (at(*PANEL, "bars"), np.zeros((2, 9), dtype=np.int64)),
    (at(*PANEL, "bars"), np.zeros((MOST_BARS + 1, 9))),
    (at(*PANEL, "bars"), bad_bar(red=1.5)),
    (at(*PANEL, "bars"), bad_bar(red=np.nan)),
    (at(*PANEL, "bars"), bad_bar(group=np.inf)),
    (at(*PANEL, "bars"), bad_bar(group=np.nan)),
    (at(*PANEL, "bars"), bad_bar(group=0.5)),
    (at(*PANEL, "lines"), np.array([[2.0, 0, 0, 1, 1]])),
    (at(*PANEL, "lines"), np.array([[1.0, 0, 0, 1, np.nan]])),
    (at(*PANEL, "steps"), [np.zeros((2, 4))]),
    (at(*PANEL, "steps"), [np.zeros((3, 4), dtype=object)]),
    (at(*PANEL, "steps"), [np.zeros((3, 15_000))] * 2),
    (at(*PANEL, "images"), [np.zeros((3, 3))]),
    (at(*PANEL, "images"), [np.zeros((3, 3, 3), dtype=np.float32)]),
    (at(*PANEL, "images"), [np.zeros((3, 3), dtype=np.float32)] * 65),
    (at(*PANEL, "images"), [np.zeros((2100, 2000), dtype=np.float32)]),
    (at(*PANEL, "images"), [np.zeros((1500, 1500), dtype=np.float32)] * 2),
]


@pytest.mark.parametrize(("replace", "value"), BAD)
def test_whatever_no_figure_gives_is_refused(
    replace: Callable[[Any, Any], None], value: Any
) -> None:
    plain = plain_figure()
    replace(plain, value)
    with pytest.raises(ValueError, match=r"\w"):
        from_plain(plain)


@pytest.mark.parametrize("plain", [None, 3, "text", [], {}, {"panels": []}, np.zeros(3)])
def test_what_is_no_drawing_at_all_is_refused(plain: Any) -> None:
    with pytest.raises(ValueError, match="not the fields"):
        from_plain(plain)


def test_a_figure_crosses_the_trust_boundary_as_what_it_draws() -> None:
    figure = Figure()
    figure.add_subplot().bar([0, 1, 2], [3, 2, 1])
    received = decode(encode({"figure": figure}))["figure"]
    assert isinstance(received, Drawing)
    assert received.panels[0].bar_values(3).tolist() == [3, 2, 1]


def test_a_figure_that_cannot_be_read_is_a_refusal_not_a_crash() -> None:
    class Sly(Axes):
        def get_xlim(self) -> tuple[float, float]:
            raise KeyError("no limits here")

    figure = Figure()
    figure.add_subplot(axes_class=Sly)
    with pytest.raises(WireError, match="no limits here"):
        encode(figure)
