"""Owners of full-scale models for a run: started beside the workers, ended with the run."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import sys
import tempfile
from collections.abc import Sequence
from functools import partial
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autograder.grading.place import Hosted, Place
from autograder.grading.processes import server_context
from autograder.models.choice import ModelChoice

if TYPE_CHECKING:
    from autograder.models.weights import Weights


class Hosts:
    """One owner per place and model, in processes of their own; `close` ends them.

    Nothing waits here: workers that connect get their answers once the weights are there, or the
    reason why they cannot be had.
    """

    def __init__(
        self, places: Sequence[Place], models: Sequence[ModelChoice], seed: str, course: str
    ) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="moelab-owners-"))
        self._processes: list[BaseProcess] = []
        for number in range(len(places)):
            (self._folder / str(number)).mkdir()
        self.places = tuple(
            place.with_hosts(
                str(self._folder / str(number)),
                tuple(self._start(place, number, model, seed, course) for model in models),
            )
            for number, place in enumerate(places)
        )

    def close(self) -> None:
        """End the owners; the memory of their weights goes with them."""
        for process in self._processes:
            process.kill()
        for process in self._processes:
            process.join()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _start(
        self, place: Place, number: int, choice: ModelChoice, seed: str, course: str
    ) -> Hosted:
        address = str(self._folder / str(number) / f"owner-{len(self._processes)}")
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        listener.bind(address)
        listener.listen(1024)
        process = server_context().Process(
            target=own, args=(listener, choice, place, seed, course), daemon=True
        )
        process.start()
        listener.close()
        self._processes.append(process)
        return Hosted(choice=choice, address=address)


def own(listener: socket.socket, choice: ModelChoice, place: Place, seed: str, course: str) -> None:
    """Be the owner of a model's weights: the main function of its process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.environ["CUDA_VISIBLE_DEVICES"] = place.gpu.uuid if place.gpu is not None else ""
    if sys.platform == "linux":
        from autograder.inside import kernel

        kernel.die_with_parent()
    from autograder.models.owner import serve

    device = "cuda:0" if place.gpu is not None else "cpu"
    serve(listener, choice, device, seed, partial(_answers, seed, course), private=place.private)


def _answers(seed: str, course: str, weights: Weights) -> dict[str, Any]:
    from autograder.grading.reference_replies import ReferenceReplies

    replies = ReferenceReplies(weights, seed, course)
    return {
        "routers": replies.routers,
        "measure": replies.measure,
        "perform": replies.perform,
    }
