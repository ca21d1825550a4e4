"""Where a run's models are: the CPU or GPUs, and who owns the weights there. Plain data."""

from __future__ import annotations

from dataclasses import dataclass, replace

from autograder.models.choice import ModelChoice
from autograder.sandbox.devices import Gpu


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
    bytes are planned with, 0 for all that are free; `jobs` is for how many submissions at once that
    is enough, 0 where it is no matter of GPUs.
    """

    gpus: tuple[Gpu, ...] = ()
    tiny_too: bool = False
    private: bool = True
    memory: int = 0
    jobs: int = 0
    folder: str = ""
    hosts: tuple[Hosted, ...] = ()

    def with_gpus(self, gpus: tuple[Gpu, ...]) -> Place:
        return replace(self, gpus=gpus)

    def with_hosts(self, folder: str, hosts: tuple[Hosted, ...], jobs: int) -> Place:
        return replace(self, folder=folder, hosts=hosts, jobs=jobs)
