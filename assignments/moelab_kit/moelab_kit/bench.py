"""A bench: the models and tokenizers that checks use, which the grader and the sandbox each hold.

A course's package offers one, as `moe_lab` does: a class that is made from a seed. A course without
models has an empty bench.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol

from moelab_kit import offered_by

FIXTURE = "bench"  # the name by which checks ask for it


class HeldModels(Protocol):
    """What both sides of the trust boundary hold: objects that cross it by their handles."""

    seed: int | str

    @property
    def full_scale(self) -> tuple[str, ...]:
        """The names of the full-scale models of a grading run."""
        ...

    def is_full_scale(self, value: object) -> bool:
        """Whether this is one of the full-scale models."""
        ...

    def keys(self) -> tuple[str, ...]:
        """Every handle."""
        ...

    def handle_of(self, obj: object) -> str | None:
        """The handle of an object that this bench made; `None` for anything else."""
        ...

    def resolve(self, handle: str) -> Any:
        """The object of a handle; `KeyError` for an unknown one."""
        ...

    def described(self, handle: str) -> str:
        """A handle as a person reads it."""
        ...

    def forget_truth(self) -> None:
        """Build everything, and forget what tells the right answers."""
        ...

    def tiny(self) -> HeldModels:
        """The bench without full-scale models, with the same objects: itself where it has none."""
        ...

    def fresh(self) -> HeldModels:
        """Another bench of the same seed, without full-scale models."""
        ...


class EmptyBench:
    """The bench of a course without models: it knows no handle."""

    full_scale: tuple[str, ...] = ()

    def __init__(self, seed: int | str = 0) -> None:
        self.seed = seed

    def is_full_scale(self, value: object) -> bool:
        """See `HeldModels.is_full_scale`."""
        return False

    def keys(self) -> tuple[str, ...]:
        """See `HeldModels.keys`."""
        return ()

    def handle_of(self, obj: object) -> str | None:
        """See `HeldModels.handle_of`."""
        return None

    def resolve(self, handle: str) -> Any:
        """See `HeldModels.resolve`."""
        raise KeyError(handle)

    def described(self, handle: str) -> str:
        """See `HeldModels.described`."""
        return handle

    def forget_truth(self) -> None:
        """See `HeldModels.forget_truth`."""
        self.seed = "forgotten"

    def tiny(self) -> EmptyBench:
        """See `HeldModels.tiny`."""
        return self

    def fresh(self) -> EmptyBench:
        """See `HeldModels.fresh`."""
        return EmptyBench(self.seed)


def bench_of(packages: Iterable[str], seed: int | str) -> HeldModels:
    """The bench that one of a course's packages offers; an empty one where none does."""
    for package in packages:
        made = offered_by(package).get(FIXTURE)
        if made is not None:
            bench: HeldModels = made(seed)
            return bench
    return EmptyBench(seed)
