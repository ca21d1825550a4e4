"""Servers of full-scale models for a run: started beside the workers, ended with the run."""

from __future__ import annotations

import os
import shutil
import socket
import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autograder.models.choice import ModelChoice
from autograder.models.errors import ModelError
from autograder.processes import Process, StoppedProcesses
from autograder.sandbox.devices import visible
from autograder.serving.placement import Copy, ModelEndpoint, Placement, arranged

if TYPE_CHECKING:
    from autograder.models.device_map import Away
    from autograder.serving.weights import Weights


class ModelServers:
    """One server per copy and model, in processes of their own; `close` ends them.

    Workers that connect get their answers once the weights are there, or the reason why they cannot
    be had. `jobs` is how many submissions at once the GPUs have memory for, 0 where that is no
    matter of GPUs. Raises `ModelError` where the models do not fit.
    """

    def __init__(
        self, placements: Sequence[Placement], models: Sequence[ModelChoice], seed: str, course: str
    ) -> None:
        copies = arranged(placements, models)
        self.jobs = sum(copy.jobs for _, copy in copies)
        self._folder = Path(tempfile.mkdtemp(prefix="moelab-servers-"))
        self._processes: list[Process] = []
        self._stopped = StoppedProcesses()
        self._of_all = (seed, course)
        self.placements = tuple(
            self._served(placement, models, copy, str(number))
            for number, (placement, copy) in enumerate(copies)
        )

    def look(self) -> None:
        """Raise `ModelError` where an server has been stopped: every worker would wait for it."""
        for process in self._processes:
            if self._stopped.hangs(process.pid):
                raise ModelError(
                    f"The process that holds a model's weights ({process.pid}) has been stopped. "
                    "Start again: what is graded already is kept."
                )

    def close(self) -> None:
        """End the servers; the memory of their weights goes with them."""
        for process in self._processes:
            process.kill()
        for process in self._processes:
            process.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _served(
        self, placement: Placement, models: Sequence[ModelChoice], copy: Copy, name: str
    ) -> Placement:
        folder = self._folder / name
        folder.mkdir()
        pairs = zip(models, copy.away, strict=True)
        endpoints = tuple(self._start(placement, folder, model, away) for model, away in pairs)
        return placement.with_endpoints(str(folder), endpoints, copy.jobs)

    def _start(
        self, placement: Placement, folder: Path, choice: ModelChoice, away: Away
    ) -> ModelEndpoint:
        address = str(folder / f"server-{len(self._processes)}")
        process = Process()
        self._processes.append(process)
        process.submit(listen, address).result()
        process.submit(run_server, choice, placement, away, *self._of_all)
        return ModelEndpoint(choice=choice, address=address)


_listeners: list[socket.socket] = []  # of this process, which serves one model


def listen(address: str) -> None:
    """In a new process: let workers connect from now on, though the weights are not there yet."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(address)
    listener.listen(1024)
    _listeners.append(listener)


def run_server(
    choice: ModelChoice,
    placement: Placement,
    away: Away,
    seed: str,
    course: str,
) -> None:
    """Be the server of a model's weights, until its process ends."""
    os.environ["CUDA_VISIBLE_DEVICES"] = visible(placement.gpus)
    from autograder.serving.server import serve
    from autograder.serving.weights import Weights

    serve(
        _listeners.pop(),
        partial(
            Weights,
            choice,
            "cuda:0" if placement.gpus else "cpu",
            seed,
            away=away,
            private=placement.private,
        ),
        partial(_answers, seed, course),
    )


def _answers(seed: str, course: str, weights: Weights) -> dict[str, Any]:
    from autograder.serving.ground_truth import ReferenceReplies

    replies = ReferenceReplies(weights, seed, course)
    return {
        "routers": replies.routers,
        "measure": replies.measure,
        "perform": replies.perform,
    }
