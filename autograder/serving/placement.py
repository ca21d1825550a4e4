"""Where copies of a run's models lie: on which GPUs each, and which experts are elsewhere.

A copy lies on one GPU where it can, else experts go to further GPUs, and to this machine's memory
where the GPUs together are too small. The more GPUs a copy takes, the fewer copies there are.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import pairwise

from autograder.models.choice import ModelChoice
from autograder.processes import Process
from autograder.sandbox.cgroups import free_memory
from autograder.sandbox.devices import Gpu, visible

CONTEXT_BYTES = 1_000_000_000  # of GPU memory, beside weights, per process: docs/how-to/gpu.md
PER_JOB = 2  # processes: one at work, one prepared ahead
JOBS_WANTED = (8, 4, 2, 1)  # that a copy on several devices leaves memory for, the more the better


@dataclass(frozen=True, slots=True, kw_only=True)
class Copy:
    """One copy of all models: the GPUs that hold it, by their places in the list that was given.

    `away` tells for each model which experts are not on the first of them; devices are counted
    within the copy. `jobs` is for how many submissions at once the GPUs have memory, 0 where there
    is no GPU.
    """

    gpus: tuple[int, ...]
    away: tuple[dict[str, str], ...]
    jobs: int


@dataclass(frozen=True, slots=True)
class Size:
    """Bytes of a model's weights, and of those experts among them that can lie elsewhere."""

    whole: int
    experts: dict[str, int]

    @property
    def rest(self) -> int:
        return self.whole - sum(self.experts.values())


def copies_of(sizes: Sequence[Size], room: Sequence[int], memory: int) -> tuple[Copy, ...]:
    """As many copies as GPUs with so many free bytes hold, none where not even one fits.

    The `memory` of the machine is used where all GPUs together are too small, or where there are
    none.
    """
    for together in range(1, len(room) + 1):
        groups = _groups(len(room), together)
        copies = [copy for group in groups if (copy := _copy(sizes, group, room, 0))]
        if len(copies) == len(groups):
            return tuple(copies)
    copy = _copy(sizes, tuple(range(len(room))), room, memory)
    return (copy,) if copy else ()


def _groups(count: int, together: int) -> list[tuple[int, ...]]:
    """As many groups of at least `together` as there can be, all of about the same size."""
    groups = count // together
    bounds = [count * number // groups for number in range(groups + 1)]
    return [tuple(range(*pair)) for pair in pairwise(bounds)]


def _copy(
    sizes: Sequence[Size], group: tuple[int, ...], room: Sequence[int], memory: int
) -> Copy | None:
    """A copy on these GPUs, with `memory` bytes of the machine for what does not fit there."""
    rest = sum(size.rest for size in sizes)
    if not group:
        fits = sum(size.whole for size in sizes) <= memory
        return Copy(gpus=(), away=tuple({} for _ in sizes), jobs=0) if fits else None
    alone = len(group) == 1 and not memory
    for jobs in JOBS_WANTED[-1:] if alone else JOBS_WANTED:
        left = [room[gpu] - (1 + PER_JOB * jobs) * CONTEXT_BYTES for gpu in group]
        left[0] -= rest
        before = tuple(left)
        away = _filled(sizes, left, memory) if left[0] >= 0 else None
        if away is not None:
            used = [now for n, now in enumerate(left) if n == 0 or now < before[n]]
            more = min(used) // (PER_JOB * CONTEXT_BYTES)
            return Copy(gpus=group, away=away, jobs=jobs + more)
    return None


def _filled(
    sizes: Sequence[Size], left: list[int], memory: int
) -> tuple[dict[str, str], ...] | None:
    """Give each of the experts the first device that has room; takes that from `left`."""
    found = []
    for size in sizes:
        away = {}
        for name, needed in size.experts.items():
            device = next((n for n, free in enumerate(left) if free >= needed), None)
            if device is not None:
                left[device] -= needed
            elif memory >= needed:
                memory -= needed
            else:
                return None
            if device != 0:
                away[name] = "cpu" if device is None else f"cuda:{device}"
        found.append(away)
    return tuple(found)


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelEndpoint:
    """A full-scale model and the address of the process that owns its weights."""

    choice: ModelChoice
    address: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """A copy of each model; workers share its `folder` to take turns.

    Submissions compute on the first of `gpus`, or on the CPU where there is none. `private` memory
    of the CPU cannot be changed by submissions; a GPU's always can. Of each GPU at most `memory`
    bytes are planned with, 0 for all that are free; `jobs` is for how many submissions at once that
    is enough, 0 where it is no matter of GPUs.
    """

    gpus: tuple[Gpu, ...] = ()
    tiny_too: bool = False
    private: bool = True
    memory: int = 0
    jobs: int = 0
    folder: str = ""
    endpoints: tuple[ModelEndpoint, ...] = ()

    def with_gpus(self, gpus: tuple[Gpu, ...]) -> Placement:
        return replace(self, gpus=gpus)

    def with_endpoints(
        self, folder: str, endpoints: tuple[ModelEndpoint, ...], jobs: int
    ) -> Placement:
        return replace(self, folder=folder, endpoints=endpoints, jobs=jobs)


def arranged(
    placements: Sequence[Placement], models: Sequence[ModelChoice]
) -> list[tuple[Placement, Copy]]:
    """A place for each copy of the models, on the GPUs of `placements`.

    Raises `ModelError` where the models do not fit on all of them and in memory.
    """
    gpus = tuple(gpu for placement in placements for gpu in placement.gpus)
    first = placements[0]
    room = (free_memory(), first.memory)
    with closing(Process()) as process:  # CUDA is asked in a process that ends afterwards
        copies = process.submit(_arrange, tuple(models), gpus, room).result()
    return [(first.with_gpus(tuple(gpus[n] for n in copy.gpus)), copy) for copy in copies]


def _arrange(
    models: Sequence[ModelChoice], gpus: Sequence[Gpu], room: tuple[int, int]
) -> tuple[Copy, ...]:
    os.environ["CUDA_VISIBLE_DEVICES"] = visible(gpus)
    from autograder.serving.fit import arrange

    return arrange(models, [gpu.name for gpu in gpus], *room)
