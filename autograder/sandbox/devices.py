"""The GPUs that this process may use, read from NVIDIA's driver without starting CUDA."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_DRIVER = Path("/proc/driver/nvidia/gpus")
_ALWAYS = ("/dev/nvidiactl", "/dev/nvidia-uvm")


@dataclass(frozen=True, slots=True, kw_only=True)
class Gpu:
    """One GPU: its number among those that are visible, its lasting id and its device file."""

    number: int
    uuid: str
    minor: int

    @property
    def name(self) -> str:
        """What --device calls it."""
        return f"cuda:{self.number}"

    @property
    def device_files(self) -> tuple[str, ...]:
        """What a process must be able to open to use this GPU and no other."""
        return (*_ALWAYS, f"/dev/nvidia{self.minor}")


def gpus(driver: Path = _DRIVER, visible: str | None = None) -> tuple[Gpu, ...]:
    """All visible GPUs in the order of their places on the bus.

    `visible` is as in CUDA_VISIBLE_DEVICES (numbers, or ids as `nvidia-smi -L` prints them), which
    it is taken from.
    """
    found = []
    for folder in sorted(driver.iterdir()) if driver.is_dir() else ():
        about = _about(folder / "information")
        if "GPU UUID" in about and about.get("Device Minor", "").isdigit():
            found.append((about["GPU UUID"], int(about["Device Minor"])))
    chosen = os.environ.get("CUDA_VISIBLE_DEVICES") if visible is None else visible
    if chosen is not None:
        wanted = [part.strip() for part in chosen.split(",") if part.strip()]
        numbered = {str(number): one for number, one in enumerate(found)}
        named = {uuid: (uuid, minor) for uuid, minor in found}
        known = numbered | named
        found = [known[part] for part in wanted if part in known]
    return tuple(
        Gpu(number=number, uuid=uuid, minor=minor) for number, (uuid, minor) in enumerate(found)
    )


def visible(gpus: Sequence[Gpu]) -> str:
    """The value of CUDA_VISIBLE_DEVICES with which a process sees these GPUs, in this order."""
    return ",".join(gpu.uuid for gpu in gpus)


def driver_folders() -> tuple[str, ...]:
    """Where the driver's libraries lie: libcuda, and those that it loads later from beside it."""
    try:
        ctypes.CDLL("libcuda.so.1")
        lines = Path("/proc/self/maps").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ()
    paths = {line.split(maxsplit=5)[5] for line in lines if "/libcuda.so" in line}
    return tuple(sorted({os.path.dirname(path) for path in paths}))


def _about(file: Path) -> dict[str, str]:
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except OSError:
        return {}
    return {
        name.strip(): value.strip() for name, _, value in (line.partition(":") for line in lines)
    }
