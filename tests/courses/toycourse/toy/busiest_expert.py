"""# The busiest expert

Return the index of an expert:

1. [largest] the one with the largest load;
2. [lowest] of equally busy ones, the one with the lowest index.

- [empty] A load without experts raises `ValueError`.
"""

from __future__ import annotations

import torch

from autograder import Exercise
from moelab_kit import Answer

exercise = Exercise("busiest_expert")


@exercise.solution
def busiest_expert(load: torch.Tensor) -> int:
    """Return the index of the largest entry of `load` [E].

    Raises `ValueError` for an empty load.
    """
    if load.numel() == 0:
        raise ValueError("the load of no expert at all")
    largest = load.max()
    return int(torch.nonzero(load == largest).min())


@exercise.law(points=1, proves="largest")
def finds_the_largest(answer: Answer, rng) -> None:
    """The expert with the largest load is found."""
    for load in (torch.tensor([0.1, 0.2, 0.7]), torch.from_numpy(rng.permutation(20) / 190)):
        largest = load.tolist().index(float(load.max()))
        got = answer(load)
        assert got == largest, (
            f"expert {largest} has the largest load, busiest_expert returned {got!r}"
        )


@exercise.law(points=1, hidden=True, proves="lowest")
def takes_the_lowest_of_equals(answer: Answer) -> None:
    """Of equally busy experts the lowest index is returned."""
    assert answer(torch.tensor([0.0, 0.1, 0.3, 0.3, 0.3])) == 2, "equal loads: the lowest index"


@exercise.law(points=0.5, hidden=True, proves="empty")
def refuses_an_empty_load(answer: Answer) -> None:
    """A load without experts is refused."""
    assert answer(torch.tensor([0.1, 0.2, 0.4, 0.3])) == 2, "expert 2 is the busiest"
    assert answer.raises(ValueError, torch.zeros(0)), "an empty load raises ValueError"


@exercise.wheat
def sorts_pairs(load):
    pairs = sorted((-value, index) for index, value in enumerate(load.tolist()))
    if not pairs:
        raise ValueError("empty")
    return pairs[0][1]


@exercise.chaff(caught_by=takes_the_lowest_of_equals)
def takes_the_last_of_equals(load):
    """Returns the last of equally busy experts."""
    if not len(load):
        raise ValueError("empty")
    return len(load) - 1 - int(load.flip(0).argmax())


@exercise.chaff(caught_by=refuses_an_empty_load)
def returns_minus_one_for_nothing(load):
    """Returns -1 for an empty load, which Python reads as the last expert."""
    if not len(load):
        return -1
    return busiest_expert(load)


@exercise.chaff(caught_by=(finds_the_largest, takes_the_lowest_of_equals, refuses_an_empty_load))
def returns_the_load(load):
    """Returns the largest load instead of its index."""
    if not len(load):
        raise ValueError("empty")
    return float(load.max())
