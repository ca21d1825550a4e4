"""# Draw
Return a figure with one bar for each value, with a title and a label on the y axis."""

from __future__ import annotations

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from autograder import Exercise
from moelab_kit import Answer
from moelab_kit.drawing import Panel, same_values
from moelab_kit.figures import drawn

exercise = Exercise("draw")


@exercise.solution
def draw(values: list[float]) -> Figure:
    """Draw the values as bars."""
    figure, axes = plt.subplots()
    axes.bar(range(len(values)), values)
    axes.set(title="values", xlabel="place", ylabel="value")
    return figure


@exercise.law(points=1)
def two_bars(answer: Answer) -> None:
    """Two values are two bars."""
    assert len(drawn(answer([2.0, 3.0])).first(1)[0].bar_values(2)) == 2


@exercise.law(points=1, hidden=True)
def right_bars(answer: Answer, shared_rng: np.random.Generator) -> None:
    """The bars show the values."""
    values, panel = _drawn(answer, shared_rng)
    assert same_values(panel.bar_values(len(values)), np.array(values))


@exercise.law(points=1, hidden=True)
def labels(answer: Answer, shared_rng: np.random.Generator) -> None:
    """The figure has a title and a label."""
    panel = _drawn(answer, shared_rng)[1]
    assert panel.title, "there is no title"
    assert panel.ylabel, "there is no label"


@exercise.law(points=1, hidden=True)
def other_values(answer: Answer, rng: np.random.Generator) -> None:
    """Other values are drawn as well."""
    values, panel = _drawn(answer, rng)
    assert same_values(panel.bar_values(len(values)), np.array(values))


def _drawn(answer: Answer, rng: np.random.Generator) -> tuple[list[float], Panel]:
    values = rng.uniform(1, 2, size=5).tolist()
    return values, drawn(answer(values)).first(1)[0]
