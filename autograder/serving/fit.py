"""Whether models fit: what they need and what there is, known before anything is loaded."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from autograder.models.choice import ModelChoice
from autograder.models.device_map import experts_of
from autograder.models.errors import ModelError
from autograder.models.structure import structure, weight_bytes
from autograder.serving.placement import CONTEXT_BYTES, PER_JOB, Copy, Size, copies_of


def arrange(
    choices: Sequence[ModelChoice], gpus: Sequence[str], memory: int, most: int = 0
) -> tuple[Copy, ...]:
    """Copies of the models on GPUs, or without these one in this machine's memory.

    `gpus` is what people call them; `most` bytes, unless 0, are taken of each. `memory` is what is
    free in this machine, in bytes. Raises `ModelError`, with what is needed and what is free, where
    the models do not fit.
    """
    sizes = [_size(choice, "cuda" if gpus else "cpu") for choice in choices]
    room = [int(torch.cuda.mem_get_info(f"cuda:{number}")[0]) for number in range(len(gpus))]
    room = [min(free, most) if most else free for free in room]
    copies = copies_of(sizes, room, memory)
    if not copies:
        raise _too_large(choices, sizes, gpus, room, memory)
    return copies


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
