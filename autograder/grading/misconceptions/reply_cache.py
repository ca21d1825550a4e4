"""Replies of trusted functions that are kept for the next submission, within bounds of memory."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping
from typing import Any

import numpy as np
import torch

from moelab_kit.calls import Reply
from moelab_kit.drawing import Drawing

MOST_BYTES = 64 << 20
_PART = 100  # bytes, roughly, of a number, a text or a container


class Remembered:
    """Replies by key; the ones not asked for the longest are forgotten first.

    `size` is roughly the bytes that they take.
    """

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._most = most_bytes
        self._kept: OrderedDict[Hashable, tuple[Reply | None, int]] = OrderedDict()
        self.size = 0

    def get(self, key: Hashable, make: Callable[[], Reply | None]) -> Reply | None:
        """The reply of this key, made if it is not remembered."""
        if key in self._kept:
            self._kept.move_to_end(key)
            return self._kept[key][0]
        reply = make()
        size = size_of(reply)
        self._kept[key] = (reply, size)
        self.size += size
        while self.size > self._most:
            self.size -= self._kept.popitem(last=False)[1][1]
        return reply


def size_of(value: Any) -> int:
    """Roughly the bytes that a reply, or a value in it, takes."""
    if isinstance(value, Reply):
        return _PART + size_of(value.value) + size_of(value.gradients)
    if isinstance(value, torch.Tensor | np.ndarray):
        return _PART + value.nbytes
    if isinstance(value, Mapping):
        return _PART + sum(map(size_of, value.keys())) + sum(map(size_of, value.values()))
    if isinstance(value, list | tuple):
        return _PART + sum(map(size_of, value))
    if isinstance(value, Drawing):
        return _PART + sum(
            8 * _PART * (len(panel.bars) + len(panel.lines) + 1)
            + size_of(panel.images)
            + sum(3 * size_of(steps.heights) for steps in panel.steps)
            for panel in value.panels
        )
    return _PART + (len(value) if isinstance(value, str | bytes) else 0)
