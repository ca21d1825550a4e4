"""Whether models fit: what they need and what there is, known before anything is loaded."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import torch

from autograder.models.choice import ModelChoice
from autograder.models.copies import CONTEXT_BYTES, PER_JOB, Copy, Size, copies_of
from autograder.models.errors import ModelError
from autograder.models.spread import experts_of
from autograder.models.structure import structure, weight_bytes


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


def _too_large(
    choices: Sequence[ModelChoice],
    sizes: Sequence[Size],
    gpus: Sequence[str],
    room: Sequence[int],
    memory: int,
) -> ModelError:
    names = " ".join(f"--model {choice.name}" for choice in choices) or "Tiny models on a GPU"
    weights = sum(size.whole for size in sizes)
    verb = "needs" if len(choices) == 1 else "need"
    if not gpus:
        return ModelError(
            f"{names} {verb} {gigabytes(weights)} in this machine's memory, and "
            f"{gigabytes(memory)} are free there."
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
