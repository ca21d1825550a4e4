"""Decode a message from the sandbox. Every byte may be hostile: anything but a well-formed message
within the limits ends in `WireError`, and nothing is imported, called or allocated beyond the size
of the message.
"""

from __future__ import annotations

import gc
import math
import re
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import msgpack
import numpy as np
import torch

from autograder.wire.limits import (
    DTYPE_SIZES,
    HEADER,
    MAX_ALIKE,
    MAX_BLOB,
    MAX_DEPTH,
    MAX_DIMENSIONS,
    MAX_ELEMENTS,
    MAX_KEYS,
    MAX_KEYS_IN_ALL,
    MAX_NODES,
    MAX_ROWS,
    MAX_TEXT,
    WireError,
    lengths,
)
from moelab_kit.compare import KINDS, Opaque
from moelab_kit.side_effects import walk

Resolve = Callable[[str], Any]


def decode(
    message: bytes | bytearray,
    *,
    resolve: Resolve | None = None,
    model_of: Resolve | None = None,
) -> Any:
    """Return the value that a message holds.

    `resolve` turns a handle into an object of this side's bench, `model_of` the handle of a
    returned module's model into the model; both raise `KeyError` for an unknown one. Without them
    handles or modules are refused: the grader gives `model_of` alone, the sandbox `resolve` alone.
    """
    tree_length, blob_length = lengths(message[: HEADER.size])
    if len(message) != HEADER.size + tree_length + blob_length:
        raise WireError("the message is truncated or has surplus bytes")
    view = memoryview(message)
    tree = view[HEADER.size : HEADER.size + tree_length]
    try:
        with _collection_paused():
            root = msgpack.unpackb(
                tree,
                raw=False,
                max_ext_len=0,
                max_map_len=0,
                max_bin_len=0,
                max_str_len=4 * MAX_TEXT,
                max_array_len=min(MAX_NODES, len(tree)),
            )
    except (ValueError, msgpack.UnpackException, RecursionError) as error:
        raise WireError("the message's tree cannot be read") from error
    return _Decoder(view[HEADER.size + tree_length :], resolve, model_of).value(root, 0)


@contextmanager
def _collection_paused() -> Iterator[None]:
    """Without garbage collection: two million small lists would set it off thousands of times."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


OF_ANOTHER_TYPE = "of another type than asked for"
_TYPES = (  # alternatives of a pattern
    "object|type|set|frozenset|bytes|bytearray|complex|range|slice|map|filter|zip|enumerate|"
    "reversed|dict_keys|dict_values|dict_items|ellipsis|module|partial|builtin_function_or_method|"
    "defaultdict|OrderedDict|Counter|deque|SimpleNamespace|Decimal|Fraction|Path|PosixPath|date|"
    "datetime|timedelta|Size|dtype|device|Generator|Parameter|Linear|Module|ModuleList|Embedding|"
    "MoeModelOutputWithPast|MoeCausalLMOutputWithPast|CausalLMOutputWithPast|Figure|Axes|Line2D|"
    "BarContainer|AxesImage|DataFrame|Series|Index|BatchEncoding"
)
_DTYPES = "|".join((*DTYPE_SIZES, "complex32", "complex64", "complex128", "qint8", "quint8"))
_SIZES = r"\[[\d, ]{0,80}\]"
_DESCRIPTION = re.compile(  # what `kind_of` and `encode` say, of types that are nobody's own
    "|".join(
        (
            rf"a tensor {_SIZES} of (?:{_DTYPES})",
            rf"a tensor of (?:{_DTYPES})",
            re.escape("a tensor without plain values (sparse, nested or meta)"),
            rf"a NumPy array {_SIZES}",
            r"a NumPy array of (?:object|complex\d{2,3}|str\d{0,6}|bytes\d{0,6})",
            r"a (?:list|tuple) of \d{1,9}",
            "a dict",
            "an int beyond 64 bits",
            rf"(?:a module )?of type (?:{_TYPES})",
            *map(re.escape, KINDS.values()),
        )
    )
)


class _Decoder:
    def __init__(self, blob: memoryview, resolve: Resolve | None, model_of: Resolve | None) -> None:
        self._blob = blob
        self._resolve = resolve
        self._model_of = model_of
        self._nodes = 0
        self._read = 0
        self._keys = 0
        self._elements = 0
        self._modules: dict[str, dict[str, torch.nn.Module]] = {}

    def value(self, node: Any, depth: int) -> Any:
        self._nodes += 1
        if depth > MAX_DEPTH or self._nodes > MAX_NODES:
            raise WireError("the value is nested too deeply or has too many parts")
        if node is None or type(node) in (bool, int, float):
            return node
        if type(node) is str:
            if len(node) > MAX_TEXT:
                raise WireError("a text is too long")
            return node
        if type(node) is not list or not node or type(node[0]) is not str:
            raise WireError("a node has no tag")
        tag, *rest = node
        read = self._readers().get((tag, len(rest)))
        if read is None:
            raise WireError("a node has an unknown tag")
        return read(*rest, depth)

    def _readers(self) -> dict[tuple[str, int], Callable[..., Any]]:
        return {
            ("l", 1): self._list,
            ("u", 1): lambda items, depth: tuple(self._list(items, depth)),
            ("i", 1): self._iterator,
            ("d", 1): self._dict,
            ("t", 4): self._tensor,
            ("n", 3): self._array,
            ("b", 1): lambda span, depth: bytes(self._bytes(span)),
            ("h", 2): self._handle,
            ("m", 2): self._module,
            ("g", 1): self._drawing,
            ("k", 1): self._key,
            ("o", 1): self._opaque,
        }

    def _list(self, items: Any, depth: int) -> list[Any]:
        if type(items) is not list:
            raise WireError("a list is not one")
        return [self.value(item, depth + 1) for item in items]

    def _iterator(self, items: Any, depth: int) -> Iterator[Any]:
        if self._resolve is None:
            raise WireError("an iterator is not allowed here")
        return iter(self._list(items, depth))

    def _dict(self, items: Any, depth: int) -> dict[Any, Any]:
        if type(items) is not list:
            raise WireError("a dict is not one")
        self._keys += len(items)
        if len(items) > MAX_KEYS or self._keys > MAX_KEYS_IN_ALL:
            raise WireError("a dict has too many keys")
        result: dict[Any, Any] = {}
        alike: Counter[int] = Counter()
        for item in items:
            if type(item) is not list or len(item) != 2:
                raise WireError("a dict's entry is not a pair")
            key, value = self.value(item[0], depth + 1), self.value(item[1], depth + 1)
            try:
                hashed = hash(key)
            except TypeError as error:
                raise WireError("a dict's key cannot be one") from error
            alike[hashed] += 1
            if alike[hashed] > MAX_ALIKE:
                raise WireError("too many keys of a dict have the same hash")
            result[key] = value
        return result

    def _key(self, number: Any, depth: int) -> np.int64:
        if type(number) is not int or not -(1 << 63) <= number < 1 << 63:
            raise WireError("a NumPy integer is malformed")
        return np.int64(number)

    def _tensor(self, dtype: Any, shape: Any, span: Any, grad: Any, depth: int) -> torch.Tensor:
        data = self._checked(dtype, shape, span)
        kind: torch.dtype = getattr(torch, dtype)
        if type(grad) is not bool:
            raise WireError("a tensor is malformed")
        try:
            if data:
                tensor = torch.frombuffer(bytearray(data), dtype=kind).reshape(shape)
            else:
                tensor = torch.empty(shape, dtype=kind)
        except (RuntimeError, OverflowError, TypeError) as error:
            raise WireError("a tensor's shape is malformed") from error
        return tensor.requires_grad_() if grad and tensor.is_floating_point() else tensor

    def _array(self, dtype: Any, shape: Any, span: Any, depth: int) -> np.ndarray[Any, Any]:
        data = self._checked(dtype, shape, span)
        if dtype == "bfloat16":
            raise WireError("NumPy has no bfloat16")
        try:
            return np.frombuffer(bytearray(data), dtype=np.dtype(dtype)).reshape(shape)
        except (ValueError, OverflowError) as error:
            raise WireError("an array's shape is malformed") from error

    def _checked(self, dtype: Any, shape: Any, span: Any) -> memoryview:
        """The bytes of a tensor whose announced dtype, shape and span fit each other."""
        if type(dtype) is not str or dtype not in DTYPE_SIZES or type(shape) is not list:
            raise WireError("a tensor is malformed")
        if len(shape) > MAX_DIMENSIONS or any(
            type(size) is not int or not 0 <= size < 1 << 40 for size in shape
        ):
            raise WireError("a tensor's shape is malformed")
        if 0 in shape and math.prod(size or 1 for size in shape) > MAX_BLOB // 8:
            raise WireError("an empty tensor has huge dimensions")
        self._elements += math.prod(shape)
        if self._elements > MAX_ELEMENTS or (shape and shape[0] > MAX_ROWS):
            raise WireError("a tensor has too many elements or rows")
        data = self._bytes(span)
        if math.prod(shape) * DTYPE_SIZES[dtype] != len(data):
            raise WireError("a tensor's bytes do not fit its shape")
        if dtype == "bool" and len(data) and int(np.frombuffer(data, np.uint8).max()) > 1:
            raise WireError("a bool tensor holds other bytes than 0 and 1")
        return data

    def _bytes(self, span: Any) -> memoryview:
        if type(span) is not list or len(span) != 2 or any(type(part) is not int for part in span):
            raise WireError("a span of bytes is malformed")
        start, length = span
        self._read += max(length, 0)
        if start < 0 or length < 0 or start + length > len(self._blob):
            raise WireError("a span lies outside the message")
        if self._read > len(self._blob):
            raise WireError("the same bytes are used twice")
        return self._blob[start : start + length]

    def _handle(self, handle: Any, training: Any, depth: int) -> Any:
        found = _find(handle, self._resolve)
        if type(training) is not list or any(type(name) is not str for name in training):
            raise WireError("a handle is malformed")
        if isinstance(found, torch.nn.Module):
            set_training(found, training)
        return found

    def _module(self, handle: Any, name: Any, depth: int) -> Any:
        model = _find(handle, self._model_of)
        if type(name) is not str or not isinstance(model, torch.nn.Module):
            raise WireError("a module is malformed")
        if handle not in self._modules:
            self._modules[handle] = dict(walk(model))
        if name not in self._modules[handle]:
            raise WireError("a module has an unknown name")
        return self._modules[handle][name]

    def _drawing(self, plain: Any, depth: int) -> Any:
        from moelab_kit import figures

        try:
            return figures.from_plain(self.value(plain, depth + 1))
        except ValueError as error:
            raise WireError("a drawing is malformed") from error

    def _opaque(self, description: Any, depth: int) -> Opaque:
        if type(description) is not str or len(description) > 200:
            raise WireError("a description is malformed")
        return Opaque(description if _DESCRIPTION.fullmatch(description) else OF_ANOTHER_TYPE)


def _find(handle: Any, resolve: Resolve | None) -> Any:
    if type(handle) is not str or resolve is None:
        raise WireError("a handle is not allowed here")
    try:
        return resolve(handle)
    except KeyError as error:
        raise WireError("a handle is unknown") from error


def set_training(model: torch.nn.Module, names: list[str]) -> None:
    """Put exactly the modules with these qualified names into training mode."""
    wanted = set(names)
    for name, module in walk(model):
        if module.training is not (name in wanted):
            module.training = name in wanted
