"""When two replies are wrong in the same way."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch

from autograder import Exercise
from autograder.grading.misconceptions.reply_cache import Remembered, size_of
from autograder.grading.misconceptions.similarity import alike, deviates
from moelab_kit.calls import Reply, as_raised
from moelab_kit.compare import Opaque
from moelab_kit.figures import describe

nan, inf = float("nan"), float("inf")
VALUES = np.random.default_rng(5).gamma(2.0, size=300)


@Exercise("anything").law(points=1)
def check(answer: Any) -> None:
    """Anything."""


@pytest.mark.parametrize(
    ("given", "known", "right"),
    [
        (torch.tensor([nan, 1.0]), torch.tensor([nan, 1.0]), torch.tensor([2.0, 1.0])),
        (-inf, -inf, 1.0),
        ([torch.tensor(2.0)], [2.0], [1.0]),
        ({"a": np.float64(2), "more": 0}, {"a": 2.0}, {"a": 1.0}),
        ({"a": 1}, {"a": 1}, {"a": 1, "b": 2}),
        (Opaque("of type Axes"), Opaque("of type Axes"), torch.ones(1)),
        (None, None, 3),
        (torch.ones(3, 1), torch.ones(3, 1), torch.ones(3)),
    ],
)
def test_wrong_in_the_same_way(given: Any, known: Any, right: Any) -> None:
    assert alike(Reply(value=given), Reply(value=known), Reply(value=right), check)
    assert deviates(Reply(value=given), Reply(value=right), check)


@pytest.mark.parametrize(
    ("given", "known", "right"),
    [
        (2.0, 3.0, 1.0),
        (1.0, 3.0, 1.0),
        (2.0, 1.0, 1.0),
        (torch.tensor(0.0), 0.0, torch.tensor(0.0)),
        (nan, inf, 1.0),
        ({"a": 1, "b": 9}, {"a": 1}, {"a": 1, "b": 2}),
        (torch.ones(3, dtype=torch.float64), torch.ones(3).bfloat16(), torch.ones(3)),
        ("of type Axes", None, torch.ones(1)),
    ],
)
def test_wrong_in_another_way(given: Any, known: Any, right: Any) -> None:
    assert not alike(Reply(value=given), Reply(value=known), Reply(value=right), check)


def test_right_replies_may_look_different() -> None:
    assert alike(Reply(value=[1.0]), Reply(value=(1,)), Reply(value=(1.0,)), check)


def test_exceptions_traces_gradients_and_shared_memory_tell_replies_apart() -> None:
    right = Reply(value=torch.ones(2), gradients=(torch.ones(2),))
    raised = Reply(raised=as_raised(KeyError("a")))
    assert alike(Reply(raised=as_raised(KeyError("b"))), raised, right, check)
    assert not alike(Reply(raised=as_raised(IndexError("a"))), raised, right, check)

    hook = Reply(value=right.value, left_behind="the number of hooks on the model's a changed")
    other = Reply(value=right.value, left_behind="the number of hooks on the model changed")
    mode = Reply(value=right.value, left_behind="the model was left in evaluation mode")
    assert alike(other, hook, right, check)
    assert not alike(mode, hook, right, check)

    cut = Reply(value=right.value, gradients=(None,))
    assert alike(Reply(value=right.value, gradients=(torch.zeros(2),)), cut, right, check)
    assert not alike(
        Reply(value=right.value, gradients=(torch.full((2,), 2.0),)), cut, right, check
    )

    view = Reply(value=right.value, gradients=right.gradients, shares_memory="an argument")
    assert not alike(right, view, right, check)


def test_what_cannot_be_sent_is_like_what_cannot_be_sent() -> None:
    right = Reply(value=1)
    assert alike(None, None, right, check)
    assert not alike(None, right, right, check)
    assert not alike(right, None, right, check)
    assert deviates(None, right, check)


def drawing(
    values: Sequence[float] = VALUES,
    *,
    bins: Any = 20,
    line: float = 1.0,
    dashed: bool = True,
    title: str = "Loads, 1.25",
    colour: str = "tab:blue",
    legend: bool = False,
    density: bool = False,
) -> Reply:
    """A panel of bars and one with a histogram, described as it comes out of the sandbox."""
    figure, (left, right) = plt.subplots(1, 2)
    left.bar(range(3), [3, 1, 2], color=colour)
    left.axhline(line, linestyle="--" if dashed else "-", label="mean")
    left.set(title=title, xlabel="expert", ylabel="load")
    right.hist(values, bins=bins, density=density, label="loads")
    right.set(title="histogram", xlabel="load", ylabel="experts")
    if legend:
        right.legend()
    described = describe(figure)
    plt.close(figure)
    return Reply(value=described)


def test_drawings_may_differ_in_style() -> None:
    known = drawing(line=2.0)
    student = drawing(line=2.0, bins=33, title="1.25 is the loss", colour="k", density=True)
    assert alike(student, known, drawing(), check)
    assert deviates(known, drawing(), check)


@pytest.mark.parametrize(
    "student",
    [
        drawing(line=2.1),
        drawing(line=2.0, dashed=False),
        drawing(line=2.0, title=""),
        drawing(VALUES / 2, line=2.0),
        drawing(np.clip(VALUES, 0, 3), line=2.0),
        drawing(),
        Reply(value=None),
        Reply(value=Opaque("of type Axes")),
    ],
)
def test_drawings_that_are_wrong_in_another_way(student: Reply) -> None:
    assert not alike(student, drawing(line=2.0), drawing(), check)


def test_a_histogram_of_other_values_is_recognised_in_other_bins() -> None:
    clipped = np.clip(VALUES, 0, 3)
    assert alike(drawing(clipped, bins=11), drawing(clipped), drawing(), check)
    assert not alike(drawing(VALUES[:200]), drawing(clipped), drawing(), check)


def test_numbers_in_titles_and_legends_count_where_they_are_the_mistake() -> None:
    rounded = drawing(title="Loads, 1.3")
    assert alike(drawing(title="1.3: loads"), rounded, drawing(), check)
    assert not alike(drawing(title="1.2: loads"), rounded, drawing(), check)

    right, bare = drawing(legend=True), drawing()
    assert alike(drawing(bins=9), bare, right, check)
    assert not alike(drawing(legend=True), bare, right, check)


def test_a_density_is_recognised_where_nothing_else_is_wrong() -> None:
    known = drawing(density=True)
    assert alike(drawing(bins=13, density=True), known, drawing(), check)
    assert not alike(drawing(bins=13, density=True, line=3.0), known, drawing(), check)
    assert not alike(drawing(bins=13), known, drawing(), check)


def test_several_drawings_in_place_of_one_may_differ_in_style() -> None:
    known = [drawing(line=2.0).value, drawing().value]
    student = [drawing(line=2.0, bins=33, colour="k").value, drawing(legend=True).value]

    def is_alike(given: Any) -> bool:
        return alike(Reply(value=given), Reply(value=known), drawing(), check)

    assert is_alike(student)
    assert is_alike(tuple(student))
    assert not is_alike(student[:1])
    assert not is_alike([*student, student[0]])
    assert not is_alike([drawing(VALUES / 2).value, student[1]])
    assert not is_alike([student[0], None])


def test_a_histogram_in_a_further_panel_is_recognised_in_other_bins() -> None:
    def with_one_more(values: Sequence[float], bins: int) -> Reply:
        figure, (left, right, more) = plt.subplots(1, 3)
        left.bar(range(3), [3, 1, 2])
        left.axhline(1.0, linestyle="--")
        for axes in (right, more):
            axes.hist(VALUES if axes is right else values, bins=bins)
        for axes in (left, right, more):
            axes.set(title="one", xlabel="load", ylabel="experts")
        described = describe(figure)
        plt.close(figure)
        return Reply(value=described)

    known = with_one_more(VALUES / 2, 10)
    assert alike(with_one_more(VALUES / 2, 23), known, drawing(), check)
    assert not alike(with_one_more(VALUES, 23), known, drawing(), check)


def test_replies_are_remembered_within_bounds() -> None:
    made = []

    def reply_of(size: int) -> Reply:
        made.append(size)
        return Reply(value=torch.zeros(size))

    remembered = Remembered(most_bytes=10_000)
    for size in (1_000, 1_000, 1_001, 1_000):
        remembered.get(size, lambda size=size: reply_of(size))
    assert made == [1_000, 1_001]
    remembered.get("more", lambda: reply_of(1_002))
    remembered.get(1_000, lambda: reply_of(1_000))
    remembered.get(1_001, lambda: reply_of(1_001))
    assert made == [1_000, 1_001, 1_002, 1_001]
    assert remembered.get("huge", lambda: Reply(value=torch.zeros(10_000))).value.numel() == 10_000
    assert remembered.size <= 10_000


def test_sizes_grow_with_what_is_held() -> None:
    small, large = ({"a": [torch.zeros(n)], "b": "x" * n} for n in (10, 1_000))
    assert size_of(small) < size_of(large)
    assert size_of(drawing()) > size_of(Reply(value=1))
