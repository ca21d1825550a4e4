"""What every worker of a run must know."""

from __future__ import annotations

from dataclasses import dataclass, field

from autograder.sandbox.limits import Limits
from autograder.serving.placement import Placement


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What every worker of a run must know; plain data, so that it can travel to any process.

    `hidden` are files of this run (gradebook, submissions) that no submission may read even where
    they lie inside a library folder. With `pictures` each figure that is drawn is also kept as PNG.
    `placements` are the devices that workers share, `placement` is this worker's number; none is
    the CPU with the tiny models alone.
    """

    seed: str
    isolation: str = "auto"
    limits: Limits = field(default_factory=Limits)
    course: str = "reference"
    hidden: tuple[str, ...] = ()
    pictures: bool = False
    placements: tuple[Placement, ...] = ()
    placement: int = 0
