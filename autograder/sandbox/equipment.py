"""What a sandbox holds besides libraries and the tiny bench: full-scale models, a GPU."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from autograder.inside.spec import GpuAccess, SharedModel
from autograder.models.choice import ModelChoice
from autograder.sandbox.devices import Gpu, driver_folders, visible
from autograder.wire.encode import encode

if TYPE_CHECKING:  # it brings transformers, which a course without models does not need
    from autograder.models.sharing import Shared


def _nothing_shared() -> tuple[Shared, ...]:
    return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Equipment:
    """Full-scale models, GPUs, and whether tiny models use the first one too.

    `shared` tells where the models' weights are; it may wait until they are loaded, while the
    sandbox starts.
    """

    models: tuple[ModelChoice, ...] = ()
    shared: Callable[[], tuple[Shared, ...]] = _nothing_shared
    gpus: tuple[Gpu, ...] = ()
    tiny_on_gpu: bool = False

    @property
    def libraries(self) -> tuple[str, ...]:
        """Folders that submissions must be able to read besides Python's."""
        return driver_folders() if self.gpus else ()

    @property
    def environment(self) -> dict[str, str]:
        """Variables for the zygote: it sees these GPUs alone.

        With one hardware queue instead of eight, CUDA starts and ends in 40 % of the time.
        """
        if not self.gpus:
            return {"CUDA_VISIBLE_DEVICES": ""}
        return {"CUDA_VISIBLE_DEVICES": visible(self.gpus), "CUDA_DEVICE_MAX_CONNECTIONS": "1"}

    @property
    def access(self) -> GpuAccess | None:
        """What children need to use the GPUs."""
        files = dict.fromkeys(file for gpu in self.gpus for file in gpu.device_files)
        return GpuAccess(devices=tuple(files)) if files else None

    def announced(self, scratch: str) -> tuple[SharedModel, ...]:
        """The models for a zygote's settings: their weights will be described in `scratch`."""
        return tuple(
            SharedModel(choice=choice.to_plain(), place=str(Path(scratch) / f"weights-{number}"))
            for number, choice in enumerate(self.models)
        )

    def describe(self, announced: tuple[SharedModel, ...]) -> list[int]:
        """Write down where the weights are; the descriptors of those in this machine's memory."""
        files = []
        for one, shared in zip(announced, self.shared(), strict=True):
            Path(one.place).write_bytes(encode(shared.to_plain()))
            files += [shared.file] if shared.file >= 0 else []
        return files
