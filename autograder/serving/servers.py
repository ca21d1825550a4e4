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

from autograder.models.choice import ModelChoice
from autograder.models.errors import ModelError
from autograder.processes import StoppedProcesses, server_context
from autograder.sandbox.devices import visible
from autograder.serving.placement import Copy, ModelEndpoint, Placement, arranged

if TYPE_CHECKING:
    from autograder.models.device_map import Away
    from autograder.serving.weights import Weights


class ModelServers:
    """One owner per copy and model, in processes of their own; `close` ends them.

    Workers that connect get their answers once the weights are there, or the reason why they cannot
    be had. `jobs` is how many submissions at once the GPUs have memory for, 0 where that is no
    matter of GPUs. Raises `ModelError` where the models do not fit.
    """

    def __init__(
        self, places: Sequence[Placement], models: Sequence[ModelChoice], seed: str, course: str
    ) -> None:
        copies = arranged(places, models)
        self.jobs = sum(copy.jobs for _, copy in copies)
        self._folder = Path(tempfile.mkdtemp(prefix="moelab-owners-"))
        self._processes: list[BaseProcess] = []
        self._stopped = StoppedProcesses()
        self._of_all = (seed, course)
        self.places = tuple(
            self._hosted(place, models, copy, str(number))
            for number, (place, copy) in enumerate(copies)
        )

    def look(self) -> None:
        """Raise `ModelError` where an owner has been stopped: every worker would wait for it."""
        for process in self._processes:
            if self._stopped.hangs(process.pid or 0):
                raise ModelError(
                    f"The process that holds a model's weights ({process.pid}) has been stopped. "
                    "Start again: what is graded already is kept."
                )

    def close(self) -> None:
        """End the owners; the memory of their weights goes with them."""
        for process in self._processes:
            process.kill()
        for process in self._processes:
            process.join()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _hosted(
        self, place: Placement, models: Sequence[ModelChoice], copy: Copy, name: str
    ) -> Placement:
        folder = self._folder / name
        folder.mkdir()
        pairs = zip(models, copy.away, strict=True)
        hosts = tuple(self._start(place, folder, model, away) for model, away in pairs)
        return place.with_endpoints(str(folder), hosts, copy.jobs)

    def _start(
        self, place: Placement, folder: Path, choice: ModelChoice, away: Away
    ) -> ModelEndpoint:
        address = str(folder / f"owner-{len(self._processes)}")
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        listener.bind(address)
        listener.listen(1024)
        process = server_context().Process(
            target=own, args=(listener, choice, place, away, *self._of_all), daemon=True
        )
        process.start()
        listener.close()
        self._processes.append(process)
        return ModelEndpoint(choice=choice, address=address)


def own(
    listener: socket.socket,
    choice: ModelChoice,
    place: Placement,
    away: Away,
    seed: str,
    course: str,
) -> None:
    """Be the owner of a model's weights: the main function of its process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.environ["CUDA_VISIBLE_DEVICES"] = visible(place.gpus)
    if sys.platform == "linux":
        from autograder import linux

        linux.die_with_parent()
    from autograder.serving.server import serve
    from autograder.serving.weights import Weights

    serve(
        listener,
        partial(
            Weights,
            choice,
            "cuda:0" if place.gpus else "cpu",
            seed,
            away=away,
            private=place.private,
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
