"""One copy of a model's weights for many processes: described by its owner, mapped by the others.

On a GPU through CUDA's handles for memory of other processes (the same calls of torch that
`torch.multiprocessing` uses, without its pickles). On the CPU through one file in memory, which
others map privately: what they write is their own.
"""

from __future__ import annotations

import math
import mmap
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

_ALIGNMENT = 256  # bytes
_MAP_NORESERVE = 0x4000
_HANDLE_PARTS = 8  # of what torch tells about a piece of CUDA memory


@dataclass(frozen=True, slots=True)
class Shared:
    """How to find a model's tensors: `names` says which of `pieces` (plain data) is which tensor.

    `file` is the descriptor of the memory that holds them, -1 where a GPU does: there, `handles`
    are files of the owner that CUDA opens to map its memory. `private`: a write of one process is
    not seen by the others.
    """

    device: str
    names: dict[str, int]
    pieces: list[list[Any]]
    file: int = -1
    size: int = 0
    private: bool = True
    handles: tuple[str, ...] = ()

    def to_plain(self) -> tuple[Any, ...]:
        """All but the descriptor, which has to travel in a way of its own."""
        return (self.device, self.names, self.pieces, self.size, self.private, self.handles)

    @classmethod
    def from_plain(cls, plain: tuple[Any, ...], file: int) -> Shared:
        device, names, pieces, size, private, handles = plain
        return cls(device, names, pieces, file, size, private, handles)


def named_tensors(model: nn.Module) -> dict[str, torch.Tensor]:
    """Parameters and buffers by every name that they have, also those that no checkpoint holds."""
    tensors = dict(model.named_parameters(remove_duplicate=False))
    return tensors | dict(model.named_buffers(remove_duplicate=False))


@torch.no_grad()
def allocate(model: nn.Module, device: str) -> None:
    """Give a model without weights memory in one piece, which others can map at once."""
    distinct = {id(tensor): tensor for tensor in named_tensors(model).values()}
    places, size = _places(distinct.values())
    memory = torch.empty(size, dtype=torch.uint8, device=device)
    tensors = []
    for tensor, place in zip(distinct.values(), places, strict=True):
        piece = memory[place : place + tensor.numel() * tensor.element_size()]
        tensors.append(piece.view(tensor.dtype).view(tensor.shape))
    number = {key: position for position, key in enumerate(distinct)}
    names = {name: number[id(tensor)] for name, tensor in named_tensors(model).items()}
    _give(model, names, tensors)


def share(model: nn.Module, device: str, *, private: bool = True) -> Shared:
    """Describe the weights of this process's model for others.

    On the CPU its tensors move into the memory that is shared, so that there is one copy. `private`
    must stay true there unless writes of others shall be seen, as they are on a GPU.
    """
    tensors = named_tensors(model)
    distinct = {id(tensor): tensor for tensor in tensors.values()}
    number = {key: place for place, key in enumerate(distinct)}
    names = {name: number[id(tensor)] for name, tensor in tensors.items()}
    if device.startswith("cuda"):
        pieces = [_on_gpu(tensor) for tensor in distinct.values()]
        mine = f"cuda.shm.{os.geteuid():x}.{os.getpid():x}.*"
        handles = tuple(sorted(map(str, Path("/dev/shm").glob(mine))))  # noqa: S108
        return Shared(device, names, pieces, private=False, handles=handles)
    pieces, file, size = _into_memory(distinct.values())
    return Shared("cpu", names, pieces, file, size, private)


def attach(model: nn.Module, shared: Shared) -> None:
    """Give a model without weights the shared ones: same names, no copy."""
    if shared.device.startswith("cuda"):
        tensors = [_from_gpu(shared.device, piece) for piece in shared.pieces]
    else:
        memory = _map(shared.file, shared.size, private=shared.private)
        tensors = [_from_memory(memory, piece) for piece in shared.pieces]
    _give(model, shared.names, tensors)


def _give(model: nn.Module, names: dict[str, int], tensors: list[torch.Tensor]) -> None:
    """Put tensors in the place of a model's own, by their names; tied ones stay one parameter."""
    parameters: dict[int, nn.Parameter] = {}
    for name, place in names.items():
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
        *storage._share_cuda_(),
        detached.storage_offset(),
        list(detached.shape),
        list(detached.stride()),
        _name_of(detached.dtype),
    ]


def _from_gpu(device: str, piece: list[Any]) -> torch.Tensor:
    _, *rest = piece[:_HANDLE_PARTS]
    offset, shape, stride, dtype = piece[_HANDLE_PARTS:]
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
        [place, list(tensor.shape), _name_of(tensor.dtype)]
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


def _from_memory(memory: mmap.mmap, piece: list[Any]) -> torch.Tensor:
    offset, shape, dtype = piece
    kind, count = getattr(torch, dtype), math.prod(shape)
    if not count:
        return torch.empty(shape, dtype=kind)
    return torch.frombuffer(memory, dtype=kind, count=count, offset=offset).reshape(shape)


def _name_of(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")
