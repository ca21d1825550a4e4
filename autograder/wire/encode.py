"""Encode a value as a message. In the sandbox this runs next to hostile code, so it promises
nothing: the decoder checks everything again.

Nodes: None, bool, int of 64 bits, float and str stand for themselves; everything else is a list
that starts with a tag: "l" list, "u" tuple, "i" iterator (in requests only), "d" dict, "t" tensor,
"n" NumPy array, "h" handle of the bench, "m" module of a model, "b" bytes, "g" drawing,
"k" a NumPy integer as a dict's key, "o" something that does not cross (its kind in words).
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from typing import Any

import msgpack
import numpy as np
import torch

from autograder.wire.limits import (
    DTYPE_SIZES,
    HEADER,
    MAGIC,
    MAX_BLOB,
    MAX_DEPTH,
    MAX_ELEMENTS,
    MAX_KEYS,
    MAX_KEYS_IN_ALL,
    MAX_NODES,
    MAX_ROWS,
    MAX_TEXT,
    MAX_TREE,
    WireError,
)
from moelab_kit.calls import as_raised
from moelab_kit.compare import Opaque, kind_of
from moelab_kit.side_effects import walk

HandleOf = Callable[[Any], str | None]
NameOf = Callable[[torch.nn.Module], tuple[str, str] | None]


def encode(
    value: Any,
    *,
    handle_of: HandleOf | None = None,
    name_of: NameOf | None = None,
) -> bytes:
    """Return `value` as a message.

    `handle_of` names objects of the bench; `name_of` tells a module's (handle of its model,
    qualified name), `None` for one that does not cross. What cannot cross becomes a description;
    `WireError` for what is too big.
    """
    encoder = _Encoder(handle_of, name_of)
    tree: bytes = msgpack.packb(encoder.node(value, 0), use_bin_type=True)
    if len(tree) > MAX_TREE:
        raise WireError("the value is too large to send")
    blob = b"".join(encoder.chunks)
    return HEADER.pack(MAGIC, len(tree), len(blob)) + tree + blob


class _Encoder:
    def __init__(self, handle_of: HandleOf | None, name_of: NameOf | None) -> None:
        self.chunks: list[bytes] = []
        self._size = 0
        self._nodes = 0
        self._keys = 0
        self._handle_of = handle_of
        self._name_of = name_of

    def node(self, value: Any, depth: int) -> Any:
        self._nodes += 1
        if depth > MAX_DEPTH or self._nodes > MAX_NODES:
            raise WireError("the value is nested too deeply or has too many parts")
        if value is None or type(value) in (bool, float):
            return value
        if isinstance(value, str):
            return str.__str__(value)[:MAX_TEXT].encode("utf-8", "replace").decode()
        if isinstance(value, int):
            number = int(value)
            return number if -(1 << 63) <= number < 1 << 63 else ["o", "an int beyond 64 bits"]
        if isinstance(value, float):
            return float(value)
        if isinstance(value, torch.Tensor):
            with torch._C.DisableTorchFunctionSubclass():
                return self._tensor(value)
        if self._handle_of is not None and (handle := self._handle_of(value)) is not None:
            return ["h", handle, _training(value)]
        if isinstance(value, torch.nn.Module):
            known = self._name_of(value) if self._name_of is not None else None
            return ["m", *known] if known else ["o", f"a module of type {_name(value)}"]
        return self._container(value, depth)

    def _container(self, value: Any, depth: int) -> Any:
        if isinstance(value, dict):
            self._keys += dict.__len__(value)
            if dict.__len__(value) > MAX_KEYS or self._keys > MAX_KEYS_IN_ALL:
                raise WireError("a dict has too many keys to send")
            return [
                "d",
                [[self._key(k, depth + 1), self.node(v, depth + 1)] for k, v in dict.items(value)],
            ]
        if isinstance(value, list):
            return ["l", [self.node(item, depth + 1) for item in list.__iter__(value)]]
        if isinstance(value, tuple):
            return ["u", [self.node(item, depth + 1) for item in tuple.__iter__(value)]]
        if self._handle_of is not None and isinstance(value, Iterator):
            return ["i", [self.node(item, depth + 1) for item in value]]
        if isinstance(value, np.generic):
            return self.node(value.item(), depth + 1)
        if isinstance(value, np.ndarray):
            return self._array(value)
        if isinstance(value, bytes):
            return ["b", self._chunk(value)]
        drawing = _drawing(value)
        if drawing is not None:
            return ["g", self.node(drawing, depth + 1)]
        description = value.description if isinstance(value, Opaque) else kind_of(value)
        return ["o", description[:200]]

    def _key(self, key: Any, depth: int) -> Any:
        """A dict's key: a NumPy integer stays one, which an exercise may not want."""
        node = self.node(key, depth)
        return ["k", node] if isinstance(key, np.integer) and type(node) is int else node

    def _tensor(self, value: torch.Tensor) -> Any:
        dtype = str(value.dtype).removeprefix("torch.")
        if value.layout is not torch.strided or value.is_meta or value.is_nested:
            return ["o", "a tensor without plain values (sparse, nested or meta)"]
        if value.is_quantized or dtype not in DTYPE_SIZES:
            return ["o", f"a tensor of {dtype}"]
        if value.numel() > MAX_ELEMENTS or (value.dim() and len(value) > MAX_ROWS):
            raise WireError("a tensor is too large to send")
        plain = value.detach().cpu().resolve_neg().contiguous()
        data = plain.reshape(-1).view(torch.uint8).numpy().tobytes() if plain.numel() else b""
        return ["t", dtype, list(plain.shape), self._chunk(data), bool(value.requires_grad)]

    def _array(self, value: np.ndarray[Any, Any]) -> Any:
        if value.dtype.name not in DTYPE_SIZES:
            return ["o", f"a NumPy array of {value.dtype.name}"]
        if value.size > MAX_ELEMENTS or (value.ndim and len(value) > MAX_ROWS):
            raise WireError("an array is too large to send")
        data = np.ascontiguousarray(value, value.dtype.newbyteorder("=")).tobytes()
        return ["n", value.dtype.name, list(value.shape), self._chunk(data)]

    def _chunk(self, data: bytes) -> list[int]:
        start = self._size
        self._size += len(data)
        if self._size > MAX_BLOB:
            raise WireError("the value is too large to send")
        self.chunks.append(data)
        return [start, len(data)]


def _training(value: Any) -> list[str]:
    """The qualified names of a model's modules that are in training mode."""
    if not isinstance(value, torch.nn.Module):
        return []
    return [name for name, module in walk(value) if module.training]


def _name(value: Any) -> str:
    return type(value).__name__[:100]


def _drawing(value: Any) -> Any:
    """A matplotlib figure as plain data of what it draws; None for anything else."""
    matplotlib_figure = sys.modules.get("matplotlib.figure")
    if matplotlib_figure is None or not isinstance(value, matplotlib_figure.Figure):
        return None
    from moelab_kit import figures

    try:
        return figures.to_plain(figures.drawn(value))
    except Exception as error:
        reason = as_raised(error).message
        raise WireError(f"the figure cannot be read: {reason}") from error
