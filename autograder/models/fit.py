"""Whether a model fits: what it needs and what there is, known before anything is loaded."""

from __future__ import annotations

import os
from pathlib import Path

import torch
from transformers import PreTrainedModel

from autograder.models.choice import ModelChoice
from autograder.models.errors import ModelError
from autograder.models.structure import weight_bytes

CONTEXT_BYTES = 800_000_000  # of GPU memory for CUDA and its libraries, per process: docs/gpu.md
LEAST_CHILDREN = 2  # one at work, one prepared ahead


def free_bytes(device: str) -> int:
    """Memory in bytes that a new process can get on `cpu` or `cuda:N`."""
    if device.startswith("cuda"):
        return int(torch.cuda.mem_get_info(device)[0])
    return min(_machine_bytes(), _container_bytes())


def require_fit(choice: ModelChoice, model: PreTrainedModel, device: str) -> None:
    """Raise `ModelError`, with both numbers, where the weights and what runs on them do not fit."""
    weights = weight_bytes(model)
    needed = weights
    if device.startswith("cuda"):
        needed += (1 + LEAST_CHILDREN) * CONTEXT_BYTES
    free = free_bytes(device)
    if needed > free:
        where = f"on {device}" if device != "cpu" else "in this machine's memory"
        raise ModelError(
            f"--model {choice.name} needs {gigabytes(needed)} {where} "
            f"({gigabytes(weights)} of weights), and {gigabytes(free)} are free there."
            + ("" if device != "cpu" else _elsewhere())
        )


def children_that_fit(free: int) -> int:
    """How many prepared processes fit beside the weights, by what each takes of GPU memory."""
    return max(free // CONTEXT_BYTES, 0)


def gigabytes(size: int) -> str:
    """A size for people, in units of 10^9 bytes as GPUs are sold."""
    return f"{size / 1e9:.1f} GB" if size >= 5e7 else f"{size / 1e6:.1f} MB"


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
