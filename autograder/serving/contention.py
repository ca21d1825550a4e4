"""A worker's part in a run with full-scale models: what checks compare with, and fair verdicts.

All submissions on a device share one copy of the weights, which any of them could write to. So a
verdict counts only if the weights were found untouched while it was made, and if a failure at a
shared model was not the work of a neighbour: otherwise the submission is graded again, alone.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any

from autograder.authoring.exercise import Exercise
from autograder.models.bench import FullScale, ScaledBench, planted_for_checks
from autograder.models.sharing import Shared
from autograder.models.structure import structure
from autograder.records import CheckResult, Grade, Outcome
from autograder.sandbox.equipment import Equipment
from autograder.sandbox.errors import ChildNotReadyError
from autograder.serving.client import ModelClient
from autograder.serving.ground_truth import MeasuredRouting
from autograder.serving.placement import ModelEndpoint, Placement
from autograder.serving.rwlock import ReadersWriterLock
from autograder.wire.messages import decode_reply, encode_call
from moelab_kit.bench import HeldModels
from moelab_kit.calls import Call, Reply

TAMPERED = "it changed the weights of a model that all submissions share; they were made again"
_BLAMED = (Outcome.FAILED, Outcome.ERROR, Outcome.TIMEOUT, Outcome.MEMORY, Outcome.DIED)


class FullScaleGrading:
    """Connects one worker to the servers of the models of its place."""

    def __init__(self, placement: Placement, seed: str) -> None:
        self._placement = placement
        self._seed = seed
        self._lock = ReadersWriterLock(placement.folder)
        self._clients = {
            endpoint.choice.name: ModelClient(endpoint.address) for endpoint in placement.endpoints
        }
        self._planted: ScaledBench | None = None
        self._doubtful = False

    def equipment(self) -> Equipment:
        """What the sandbox gets. Its `shared` raises `ModelError` where a model cannot be had."""
        return Equipment(
            models=tuple(endpoint.choice for endpoint in self._placement.endpoints),
            shared=self._shared,
            gpus=self._placement.gpus,
            tiny_on_gpu=self._placement.tiny_too,
        )

    def bench(self, assignment: str) -> ScaledBench:
        """The checks' side of the bench, with the ground truth of every model."""
        if self._planted is not None:
            return self._planted
        scaled = {
            endpoint.choice.name: self._side(endpoint, assignment)
            for endpoint in self._placement.endpoints
        }
        return ScaledBench(self._seed, scaled)

    def ground_truth(self, assignment: str) -> tuple[ScaledBench, Callable[[Exercise], Reference]]:
        """What checks compare with: a bench, and references that run where the weights are."""
        bench = self.bench(assignment)
        return bench, lambda exercise: Reference(self._clients, assignment, exercise.name, bench)

    def judged(self, run: Callable[[], Grade]) -> Grade:
        """The grade that `run` gives, beyond doubt; `run` calls `on_result` after each check."""
        with self._lock.shared(), suppress(ChildNotReadyError):  # others may hold the memory
            before = self._changes()
            grade = self._retried(run)
            if self._verify() == before and not self._doubtful:
                return grade
        with self._lock.exclusive():
            before = tuple(client.secure() for client in self._clients.values())
            grade = self._retried(run)
            if self._verify() == before:
                return grade
        return replace(grade, notes=(*grade.notes, TAMPERED))

    def on_result(self, result: CheckResult, last_call: Call | None, bench: HeldModels) -> None:
        """Doubt a failure at a full-scale model, or of the grader: others could be behind it."""
        if result.outcome in _BLAMED and last_call is not None:
            self._doubtful |= any(map(bench.is_full_scale, last_call.arguments))
        self._doubtful |= result.outcome is Outcome.GRADER_ERROR

    def close(self) -> None:
        for client in self._clients.values():
            with suppress(OSError):
                client.close()

    def _shared(self) -> tuple[Shared, ...]:
        """Where the weights are; what is the same for all assignments is made meanwhile."""
        if self._planted is None and all(
            endpoint.choice.planted for endpoint in self._placement.endpoints
        ):
            self._planted = self.bench("")
            for handle in self._planted.keys():  # noqa: SIM118 - a bench is no dict
                self._planted.resolve(handle)
        return tuple(client.shared() for client in self._clients.values())

    def _retried(self, run: Callable[[], Grade]) -> Grade:
        self._doubtful, before = False, self._server_failures()
        grade = run()
        self._doubtful |= self._server_failures() != before
        return grade

    def _server_failures(self) -> int:
        return sum(client.server_failures for client in self._clients.values())

    def _changes(self) -> tuple[int, ...]:
        return tuple(client.changes() for client in self._clients.values())

    def _verify(self) -> tuple[int, ...]:
        return tuple(client.verify() for client in self._clients.values())

    def _side(self, endpoint: ModelEndpoint, assignment: str) -> FullScale:
        device = "cuda" if self._placement.gpus else "cpu"
        if endpoint.choice.planted:
            return planted_for_checks(endpoint.choice, device, self._seed)
        client = self._clients[endpoint.choice.name]
        model: Any = structure(endpoint.choice, device)
        routers = client.routers(assignment)
        for name, weight in routers.items():
            router = model.get_submodule(name)
            router.weight = type(router.weight)(weight, requires_grad=router.weight.requires_grad)
        routing = MeasuredRouting(lambda ids, mask: client.measure(assignment, ids, mask))
        return FullScale(model, tuple(routers), routing)


class Reference:
    """A reference solution in the place of a student's: calls go to the server of their model."""

    def __init__(
        self, clients: dict[str, ModelClient], assignment: str, exercise: str, bench: ScaledBench
    ) -> None:
        self._clients = clients
        self._where = (assignment, exercise)
        self._bench = bench

    def perform(self, call: Call, time_limit: float | None = None) -> Reply:
        """The reference's reply; see `Session.perform`."""
        handles = {self._bench.handle_of(one) for one in call.arguments}
        wanted = (name for name in self._clients if f"model:{name}" in handles)
        client = self._clients[next(wanted, next(iter(self._clients)))]
        message = client.perform(*self._where, encode_call(call, self._bench))
        return decode_reply(message, call, self._bench)
