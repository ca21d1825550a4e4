"""What the owner of a full-scale model computes for the checks, with the course's own code."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import torch

from autograder.authoring.assignment import Assignment
from autograder.grading.course import load_assignment
from autograder.lab.calls import perform
from autograder.models.bench import FullScale, ScaledBench
from autograder.models.errors import ModelError
from autograder.models.measured import Measured
from autograder.models.weights import Weights
from autograder.wire.messages import decode_call, encode_reply

T = TypeVar("T")
ATTEMPTS = 10


class ReferenceReplies:
    """The reference's replies to calls on the full-scale model, and what its routers decide."""

    def __init__(self, weights: Weights, seed: str, course: str) -> None:
        self._weights = weights
        self._course = course
        self._bench = ScaledBench(seed, {weights.choice.name: FullScale(weights.model)})
        self._assignments: dict[str, Assignment] = {}

    def perform(self, assignment: str, exercise: str, message: bytes) -> bytes:
        """The reference's reply to a call, both in the wire format."""
        call = decode_call(message, self._bench)
        function = self._assignment(assignment).exercise(exercise).solution_function
        return self._on_right_weights(
            lambda: encode_reply(perform(function, call), call, self._bench)
        )

    def routers(self, assignment: str) -> dict[str, torch.Tensor]:
        """The names and weights [E, d] of the model's routers, in order."""
        model = self._weights.model
        found = self._routing(assignment)
        ids = torch.zeros(1, 2, dtype=torch.int64)

        def copied() -> dict[str, torch.Tensor | None]:
            names = [name for name, _, _ in found(model, ids, torch.ones_like(ids))]
            return {
                name: _copied(getattr(model.get_submodule(name), "weight", None)) for name in names
            }

        weights = self._on_right_weights(copied)
        right = {name: weight for name, weight in weights.items() if weight is not None}
        if not right or len(right) < len(weights):
            raise ModelError(
                f"--model {self._weights.choice.name}: no router that owns a `weight`, as the "
                "lab's text promises, was found in it."
            )
        return right

    def measure(self, assignment: str, ids: torch.Tensor, mask: torch.Tensor) -> Measured:
        """Logits [T, E] and choice [T, E] of each router for these tokens."""
        routing, model = self._routing(assignment), self._weights.model
        found = self._on_right_weights(lambda: routing(model, ids, mask))
        return [(logits.detach().float().cpu(), chosen.cpu()) for _, logits, chosen in found]

    def _on_right_weights(self, compute: Callable[[], T]) -> T:
        """What `compute` gives while the weights are untouched: submissions run meanwhile."""
        for _ in range(ATTEMPTS):
            before = self._weights.verify()
            result = compute()
            if self._weights.verify() == before:
                return result
        raise RuntimeError("submissions keep changing the weights of the shared model")

    def _routing(self, assignment: str) -> Any:
        routing = self._assignment(assignment).routing
        if routing is None:
            raise ModelError(
                f"The assignment {assignment!r} does not say how to measure a model's routing, so "
                "it cannot be graded with real weights. Use planted ones."
            )
        return routing

    def _assignment(self, name: str) -> Assignment:
        if name not in self._assignments:
            self._assignments[name] = load_assignment(name, self._course)
        return self._assignments[name]


def _copied(weight: object) -> torch.Tensor | None:
    """A tensor on the CPU that submissions cannot reach; None for what is no tensor."""
    return weight.detach().to("cpu", copy=True) if isinstance(weight, torch.Tensor) else None
