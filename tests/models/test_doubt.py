"""Verdicts that a neighbour at the shared model could have brought about are made again, alone."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
import torch

from autograder.models.choice import ModelChoice, choose
from autograder.models.errors import ModelError
from autograder.records import CheckResult, Grade, Outcome
from autograder.sandbox.errors import ChildNotReadyError
from autograder.serving.contention import FullScaleGrading
from autograder.serving.placement import ModelEndpoint, Placement
from autograder.serving.server import serve
from autograder.serving.weights import Weights
from moe_lab.bench import Bench
from moelab_kit.calls import Call


class Shared:
    """A model, the process that owns it (here a thread), and a worker's part in the run."""

    def __init__(self, choice: ModelChoice, folder: Path) -> None:
        self.weights = Weights(choice, "cpu", "seed", private=False)
        address = str(folder / "owner")
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        listener.bind(address)
        listener.listen()
        answers = {"measure": self.fail}
        threading.Thread(
            target=serve, args=(listener, lambda: self.weights, lambda _: answers), daemon=True
        ).start()
        placement = Placement(
            folder=str(folder), endpoints=(ModelEndpoint(choice=choice, address=address),)
        )
        self.grading = FullScaleGrading(placement, "seed")
        self.bench = self.grading.bench("")

    def fail(self, *_: object) -> None:
        raise torch.OutOfMemoryError("a neighbour has it all")

    def times(self, happens: Callable[[], object]) -> int:
        """How often a submission is graded where this happens the first time only."""
        graded = []

        def run() -> Grade:
            graded.append(1)
            if len(graded) == 1:
                happens()
            return Grade(student="ada", submission="ada.py", digest="", exercises=())

        self.grading.judged(run)
        return len(graded)

    def on_result(self, outcome: Outcome, call: Call | None) -> int:
        check = CheckResult(name="c", title="", hidden=False, points=1.0, outcome=outcome)
        return self.times(lambda: self.grading.on_result(check, call, self.bench))


@pytest.fixture
def shared(shape: Callable[..., Path], tmp_path: Path) -> Shared:
    choice = choose(str(shape("olmoe")))
    assert choice is not None
    return Shared(choice, tmp_path)


def test_a_failure_is_doubted_at_a_shared_model_and_an_error_of_the_grader_anywhere(
    shared: Shared,
) -> None:
    at_shared = Call("f", (shared.bench.model(*shared.bench.full_scale),))
    at_tiny = Call("f", (Bench("seed").model("olmoe"),))
    assert shared.on_result(Outcome.PASSED, at_shared) == 1
    assert shared.on_result(Outcome.FAILED, at_tiny) == 1
    assert shared.on_result(Outcome.FAILED, at_shared) == 2
    assert shared.on_result(Outcome.MEMORY, at_shared) == 2
    assert shared.on_result(Outcome.GRADER_ERROR, None) == 2


def test_a_verdict_is_doubted_when_the_owner_could_not_answer(shared: Shared) -> None:
    (client,) = shared.grading._clients.values()

    def ask() -> None:
        with suppress(RuntimeError):
            client.measure("lab", torch.zeros(1, 2), torch.ones(1, 2))

    assert shared.times(ask) == 2
    assert shared.times(lambda: None) == 1


def test_a_submission_that_finds_no_room_gets_it_when_nobody_else_is_there(shared: Shared) -> None:
    def find_no_room() -> None:
        raise ChildNotReadyError("a child could not lock itself down: OutOfMemoryError")

    def never_find_any() -> Grade:
        find_no_room()
        raise AssertionError

    assert shared.times(find_no_room) == 2
    with pytest.raises(ChildNotReadyError):
        shared.grading.judged(never_find_any)


def test_weights_that_cannot_be_made_again_at_once_stop_the_run_only_when_nobody_is_there(
    shared: Shared, monkeypatch: pytest.MonkeyPatch
) -> None:
    restore = shared.weights._restore
    monkeypatch.setattr(shared.weights, "_restore", shared.fail)

    def change() -> None:
        with torch.no_grad():
            shared.weights.model.lm_head.weight.zero_()

    with pytest.raises(ModelError, match="could not be restored"):
        shared.times(change)
    monkeypatch.setattr(shared.weights, "_restore", restore)
    assert shared.times(lambda: None) == 2
    assert shared.times(lambda: None) == 1


def test_an_owner_that_cannot_look_at_the_weights_stops_the_run_with_a_sentence(
    shared: Shared, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared.weights, "_now", shared.fail)
    with pytest.raises(ModelError, match="what is graded already is kept"):
        shared.times(lambda: None)
