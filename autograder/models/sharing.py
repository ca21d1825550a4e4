"""One copy of a model's weights for many processes: described by its owner, mapped by the others.

On GPUs through CUDA's handles for memory of other processes (the same calls of torch that
`torch.multiprocessing` uses, without its pickles). On the CPU through one file in memory, which
others map privately: what they write is their own. A model may lie on several devices.
"""

from __future__ import annotations

import math
import mmap
import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import nn

from autograder.models.device_map import Away, device_of

_ALIGNMENT = 256  # bytes
_MAP_NORESERVE = 0x4000
_HANDLE_PARTS = 8  # of what torch tells about a piece of CUDA memory


@dataclass(frozen=True, slots=True)
class Shared:
    """How to find a model's tensors: `names` says which of `pieces` (plain data) is which tensor.

    Each piece begins with its device; `device` is that of all but the experts that are `away`.
    `file` is the descriptor of the memory, `size` bytes, that holds those on the CPU, -1 where
    there are none; `handles` are files of the owner that CUDA opens to map its memory. `private`: a
    write of one process to the CPU's memory is not seen by the others.
    """

    device: str
    names: dict[str, int]
    pieces: list[list[Any]]
    file: int = -1
    size: int = 0
    private: bool = True
    handles: tuple[str, ...] = ()
    away: dict[str, str] = field(default_factory=dict)

    def to_plain(self) -> tuple[Any, ...]:
        """All but the descriptor, which has to travel in a way of its own."""
        return (
            self.device,
            self.names,
            self.pieces,
            self.size,
            self.private,
            self.handles,
            self.away,
        )

    @classmethod
    def from_plain(cls, plain: tuple[Any, ...], file: int) -> Shared:
        device, names, pieces, size, private, handles, away = plain
        return cls(device, names, pieces, file, size, private, handles, away)


def named_tensors(model: nn.Module) -> dict[str, torch.Tensor]:
    """Parameters and buffers by every name that they have, also those that no checkpoint holds."""
    tensors = dict(model.named_parameters(remove_duplicate=False))
    return tensors | dict(model.named_buffers(remove_duplicate=False))


def distinct_tensors(model: nn.Module) -> tuple[dict[str, int], dict[int, torch.Tensor]]:
    """Numbers by name, the same for the names of one tensor (tied weights); tensors by number."""
    tensors, seen = named_tensors(model), dict[int, int]()
    number = {name: seen.setdefault(id(one), len(seen)) for name, one in tensors.items()}
    return number, {number[name]: one for name, one in tensors.items()}


@torch.no_grad()
def allocate(model: nn.Module, device: str, away: Away) -> None:
    """Give a model without weights memory: on a GPU in one piece, which others can map at once."""
    number, distinct = distinct_tensors(model)
    devices = {number[name]: device_of(name, device, away) for name in number}
    tensors: dict[int, torch.Tensor] = {}
    for one in sorted(set(devices.values())):
        here = {key: tensor for key, tensor in distinct.items() if devices[key] == one}
        if one == "cpu":  # `share` moves them one by one
            tensors |= {key: torch.empty_like(tensor, device=one) for key, tensor in here.items()}
            continue
        places, size = _places(here.values())
        memory = torch.empty(size, dtype=torch.uint8, device=one)
        for (key, tensor), place in zip(here.items(), places, strict=True):
            piece = memory[place : place + tensor.numel() * tensor.element_size()]
            tensors[key] = piece.view(tensor.dtype).view(tensor.shape)
    _give(model, number, tensors)


def share(model: nn.Module, device: str, away: Away, *, private: bool = True) -> Shared:
    """Describe the weights of this process's model for others.

    Tensors on the CPU move into the memory that is shared, so that there is one copy. `private`
    must stay true there unless writes of others shall be seen, as they are on a GPU.
    """
    number, distinct = distinct_tensors(model)
    memory = {key: tensor for key, tensor in distinct.items() if tensor.device.type == "cpu"}
    pieces = {key: _on_gpu(tensor) for key, tensor in distinct.items() if key not in memory}
    mine = f"cuda.shm.{os.geteuid():x}.{os.getpid():x}.*"
    handles = tuple(sorted(map(str, Path("/dev/shm").glob(mine)))) if pieces else ()  # noqa: S108
    file, size = -1, 0
    if memory:
        described, file, size = _into_memory(memory.values())
        pieces |= dict(zip(memory, described, strict=True))
    ordered = [pieces[key] for key in sorted(pieces)]
    return Shared(device, number, ordered, file, size, private, handles, dict(away))


def attach(model: nn.Module, shared: Shared, kind: str) -> None:
    """Give a model without weights the shared ones of one kind of device, `cpu` or `cuda`.

    Nothing is copied. Where they are on both, each kind has its time: a process maps the CPU's
    before it is forked, the GPU's after.
    """
    wanted = {key: one for key, one in enumerate(shared.pieces) if one[0].startswith(kind)}
    if kind == "cuda":
        tensors = {key: _from_gpu(piece) for key, piece in wanted.items()}
    else:
        memory = _map(shared.file, shared.size, private=shared.private) if wanted else None
        tensors = {key: _from_memory(memory, piece) for key, piece in wanted.items()}
    _give(model, shared.names, tensors)


def _give(model: nn.Module, names: dict[str, int], tensors: dict[int, torch.Tensor]) -> None:
    """Put tensors in the place of a model's own, by their names; tied ones stay one parameter."""
    parameters: dict[int, nn.Parameter] = {}
    for name, place in names.items():
        if place not in tensors:
            continue
        path, _, leaf = name.rpartition(".")
        module = model.get_submodule(path)
        old = module._parameters.get(leaf)
        if old is None:
            module._buffers[leaf] = tensors[place]
            continue
        if place not in parameters:
            parameters[place] = nn.Parameter(tensors[place], requires_grad=old.requires_grad)
        module._parameters[leaf] = parameters[place]


def _on_gpu(tensor: torch.Tensor) -> list[Any]:
    detached = tensor.detach()
    storage: Any = detached.untyped_storage()
    return [
        str(tensor.device),
        *storage._share_cuda_(),
        detached.storage_offset(),
        list(detached.shape),
        list(detached.stride()),
        _name_of(detached.dtype),
    ]


def _from_gpu(piece: list[Any]) -> torch.Tensor:
    device, _, *rest = piece[: _HANDLE_PARTS + 1]
    offset, shape, stride, dtype = piece[_HANDLE_PARTS + 1 :]
    number = torch.device(device).index or 0
    storage = torch.UntypedStorage._new_shared_cuda(number, *rest)
    empty = torch.empty(0, dtype=getattr(torch, dtype), device=device)
    return empty.set_(storage, offset, tuple(shape), tuple(stride))


def _places(tensors: Iterable[torch.Tensor]) -> tuple[list[int], int]:
    """Where each tensor begins in memory that holds them all, and the size of that, in bytes."""
    places, size = [], 0
    for tensor in tensors:
        places.append(size)
        size += math.ceil(tensor.numel() * tensor.element_size() / _ALIGNMENT) * _ALIGNMENT
    return places, size


@torch.no_grad()
def _into_memory(tensors: Iterable[torch.Tensor]) -> tuple[list[list[Any]], int, int]:
    """Move tensors into new shared memory: where each is, the memory's descriptor and its size."""
    places, size = _places(tensors)
    pieces = [
        ["cpu", place, list(tensor.shape), _name_of(tensor.dtype)]
        for tensor, place in zip(tensors, places, strict=True)
    ]
    file = os.memfd_create("moelab-weights", os.MFD_CLOEXEC)
    os.ftruncate(file, max(size, 1))
    memory = _map(file, size, private=False)
    for tensor, piece in zip(tensors, pieces, strict=True):
        place = _from_memory(memory, piece)
        tensor.data = place.copy_(tensor)
    return pieces, file, size


def _map(file: int, size: int, *, private: bool) -> mmap.mmap:
    how = mmap.MAP_PRIVATE | _MAP_NORESERVE if private else mmap.MAP_SHARED
    return mmap.mmap(file, max(size, 1), how, mmap.PROT_READ | mmap.PROT_WRITE)


def _from_memory(memory: mmap.mmap | None, piece: list[Any]) -> torch.Tensor:
    _, offset, shape, dtype = piece
    kind, count = getattr(torch, dtype), math.prod(shape)
    if not count or memory is None:
        return torch.empty(shape, dtype=kind)
    return torch.frombuffer(memory, dtype=kind, count=count, offset=offset).reshape(shape)


def _name_of(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")
