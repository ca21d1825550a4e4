"""Where a run's models are: the CPU or GPUs, and who owns the weights there. Plain data."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace

from autograder.models.choice import ModelChoice
from autograder.sandbox.gpus import Gpu


@dataclass(frozen=True, slots=True, kw_only=True)
class Hosted:
    """A full-scale model and the address of the process that owns its weights."""

    choice: ModelChoice
    address: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A copy of each model; workers share its `folder` to take turns.

    Submissions compute on the first of `gpus`, or on the CPU where there is none. `private` memory
    of the CPU cannot be changed by submissions; a GPU's always can. Of each GPU at most `memory`
    bytes are planned with, 0 for all that are free.
    """

    gpus: tuple[Gpu, ...] = ()
    tiny_too: bool = False
    private: bool = True
    memory: int = 0
    folder: str = ""
    hosts: tuple[Hosted, ...] = ()

    def with_gpus(self, gpus: tuple[Gpu, ...]) -> Place:
        return replace(self, gpus=gpus)

    def with_hosts(self, folder: str, hosts: tuple[Hosted, ...]) -> Place:
        return replace(self, folder=folder, hosts=hosts)


def next_place(places: Sequence[Place]) -> Place | None:
    """A worker's place: each that asks gets the next one, in whatever process it is."""
    if not places:
        return None
    counter = os.open(os.path.join(places[0].folder, "workers"), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(counter, fcntl.LOCK_EX)
        number = int(os.read(counter, 20) or b"0")
        os.pwrite(counter, str(number + 1).encode(), 0)
    finally:
        os.close(counter)
    return places[number % len(places)]
