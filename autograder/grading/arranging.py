"""Which GPUs hold a run's models together, asked in a process that may start CUDA and then ends."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor

from autograder.grading.place import Place
from autograder.models.choice import ModelChoice
from autograder.processes import server_context
from autograder.sandbox.devices import Gpu, visible
from autograder.sandbox.hierarchy import free_memory
from autograder.serving.placement import Copy


def arranged(places: Sequence[Place], models: Sequence[ModelChoice]) -> list[tuple[Place, Copy]]:
    """A place for each copy of the models, on the GPUs of `places`.

    Raises `ModelError` where the models do not fit on all of them and in memory.
    """
    gpus = tuple(gpu for place in places for gpu in place.gpus)
    first = places[0]
    with ProcessPoolExecutor(1, mp_context=server_context()) as pool:
        room = (free_memory(), first.memory)
        copies = pool.submit(_arrange, tuple(models), gpus, room).result()
    return [(first.with_gpus(tuple(gpus[n] for n in copy.gpus)), copy) for copy in copies]


def _arrange(
    models: Sequence[ModelChoice], gpus: Sequence[Gpu], room: tuple[int, int]
) -> tuple[Copy, ...]:
    os.environ["CUDA_VISIBLE_DEVICES"] = visible(gpus)
    from autograder.serving.fit import arrange

    return arrange(models, [gpu.name for gpu in gpus], *room)
