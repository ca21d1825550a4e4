"""A worker's part in a run: the one without full-scale models, and the choice between the two.

What full-scale models need, transformers above all, is imported with them alone.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from autograder.records import CheckResult, Grade
from autograder.sandbox.equipment import Equipment
from autograder.serving.placement import Placement
from moelab_kit.bench import HeldModels
from moelab_kit.calls import Call

if TYPE_CHECKING:
    from autograder.serving.contention import FullScaleGrading


class TinyGrading:
    """In the place of `FullScaleGrading` in a run without full-scale models: nothing is shared."""

    def __init__(self, placement: Placement | None) -> None:
        self._placement = placement

    def equipment(self) -> Equipment:
        """What the sandbox gets: at most GPUs for the tiny models."""
        if self._placement is None:
            return Equipment()
        return Equipment(gpus=self._placement.gpus, tiny_on_gpu=self._placement.tiny_too)

    def ground_truth(self, assignment: str) -> tuple[None, None]:
        """No other bench than that of the tiny models, and references run in this process."""
        return None, None

    def judged(self, run: Callable[[], Grade]) -> Grade:
        """The grade that `run` gives: no neighbour can have had a hand in it."""
        return run()

    def on_result(self, result: CheckResult, last_call: Call | None, bench: HeldModels) -> None:
        """No result is in doubt."""


def grading_on(placement: Placement | None, seed: str) -> FullScaleGrading | TinyGrading:
    """A worker's part in a run: with full-scale models where its place has some."""
    if placement is not None and placement.endpoints:
        from autograder.serving.contention import FullScaleGrading

        return FullScaleGrading(placement, seed)
    return TinyGrading(placement)
