"""The checks of load_gap."""

from __future__ import annotations

import torch

from moelab_kit import FLOAT32, Answer

from . import exercise


@exercise.law(points=1, proves=("gap", "inputs"))
def extremes(answer: Answer, rng) -> None:
    """Even load has no gap, one busy expert the largest."""
    even = torch.arange(4)[rng.permutation(32) % 4, None]
    for indices, gap in ((even, 0.0), (torch.zeros(3, 1).long(), 1.0)):
        got = answer(indices, 4)
        assert abs(float(got) - gap) <= FLOAT32.atol, f"the gap should be {gap}, not {got}"
        assert not answer.left_behind, "the indices were changed"


@exercise.agrees(points=2, proves="gap")
def gaps_of_random_routings(rng):
    """Agrees with the reference on uneven load."""
    for _ in range(3):
        yield torch.from_numpy(rng.permutation([0] * 9 + [1] * 5 + [2] * 4 + [3])[:, None]), 4
