"""Where models fit: what they need and what there is, known before anything is loaded.

A copy lies on one GPU where it can, else experts go to further GPUs, and to this machine's memory
where the GPUs together are too small. The more GPUs a copy takes, the fewer copies there are.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import torch

from autograder.models.choice import ModelChoice
from autograder.models.errors import ModelError
from autograder.models.spread import experts_of
from autograder.models.structure import structure, weight_bytes

CONTEXT_BYTES = 800_000_000  # of GPU memory for CUDA and its libraries, per process: docs/gpu.md
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


def arrange(choices: Sequence[ModelChoice], gpus: Sequence[str], most: int = 0) -> tuple[Copy, ...]:
    """Copies of the models on GPUs, or without these one in this machine's memory.

    `gpus` is what people call them; `most` bytes, unless 0, are taken of each. Raises `ModelError`,
    with what is needed and what is free, where the models do not fit.
    """
    sizes = [_size(choice, "cuda" if gpus else "cpu") for choice in choices]
    room = [free_bytes(f"cuda:{number}") for number in range(len(gpus))]
    room = [min(free, most) if most else free for free in room]
    memory = free_bytes("cpu")
    copies = copies_of(sizes, room, memory)
    if not copies:
        raise _too_large(choices, sizes, gpus, room, memory)
    return copies


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


def free_bytes(device: str) -> int:
    """Memory in bytes that a new process can get on `cpu` or `cuda:N`."""
    if device.startswith("cuda"):
        return int(torch.cuda.mem_get_info(device)[0])
    return min(_machine_bytes(), _container_bytes())


def gigabytes(size: int) -> str:
    """A size for people, in units of 10^9 bytes as GPUs are sold."""
    return f"{size / 1e9:.1f} GB" if size >= 5e7 else f"{size / 1e6:.1f} MB"


def _size(choice: ModelChoice, device: str) -> Size:
    model = structure(choice, device)
    return Size(weight_bytes(model), experts_of(model))


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


def _too_large(
    choices: Sequence[ModelChoice],
    sizes: Sequence[Size],
    gpus: Sequence[str],
    room: Sequence[int],
    memory: int,
) -> ModelError:
    names = " ".join(f"--model {choice.name}" for choice in choices)
    weights = sum(size.whole for size in sizes)
    verb = "needs" if len(choices) == 1 else "need"
    if not gpus:
        return ModelError(
            f"{names} {verb} {gigabytes(weights)} in this machine's memory, and "
            f"{gigabytes(memory)} are free there.{_elsewhere()}"
        )
    beside = (1 + PER_JOB) * CONTEXT_BYTES
    rest = sum(size.rest for size in sizes) + beside
    if rest > room[0]:
        return ModelError(
            f"{names} {verb} {gigabytes(rest)} on one GPU without its experts "
            f"({gigabytes(beside)} of it to run), and {gigabytes(room[0])} are free on {gpus[0]}."
        )
    usable = sum(max(free - beside, 0) for free in room) + memory
    return ModelError(
        f"{names} {verb} {gigabytes(weights)} for weights, and for these {gigabytes(usable)} are "
        f"free on {', '.join(gpus)} and in this machine's memory together."
    )


def _elsewhere() -> str:
    if torch.cuda.is_available():
        return " There is a GPU: try --device cuda."
    return " There is no GPU here that torch can use."


def _machine_bytes() -> int:
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    except OSError:
        return int(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    found = {line.partition(":")[0]: line.split()[1] for line in lines if len(line.split()) > 1}
    return int(found["MemAvailable"]) * 1024


def _container_bytes() -> int:
    folder = Path("/sys/fs/cgroup")
    try:
        limit = (folder / "memory.max").read_text(encoding="ascii").strip()
        used = int((folder / "memory.current").read_text(encoding="ascii"))
    except (OSError, ValueError):
        return 1 << 62
    return int(limit) - used if limit.isdigit() else 1 << 62
