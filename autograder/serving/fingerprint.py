"""A fingerprint of weights that nobody can forge who does not know its key.

Weights are read as 64-bit words and summed with secret random factors, modulo 2^64: a change of
any words goes unnoticed with a chance of about one in 2^60, however it is chosen.
"""

from __future__ import annotations

import random
import secrets
from collections.abc import Iterable
from itertools import chain

import torch

_WORDS = 4 << 20  # per step: factors and products stay in a GPU's cache


class Fingerprint:
    """Calling it gives the fingerprint of some tensors on one device."""

    def __init__(self, device: str) -> None:
        generator = torch.Generator(device).manual_seed(secrets.randbits(63))
        self._random = random.SystemRandom()
        self._steps: list[int] = []
        self._factors = torch.randint(
            -(1 << 63), (1 << 63) - 1, (_WORDS,), generator=generator, device=device
        )

    @torch.no_grad()
    def __call__(self, tensors: Iterable[torch.Tensor]) -> int:
        total = torch.zeros((), dtype=torch.int64, device=self._factors.device)
        pieces = (torch.split(_words(tensor.detach()), _WORDS) for tensor in tensors)
        steps = chain.from_iterable(pieces)
        for number, words in enumerate(steps):
            total += self._step(number) * (words * self._factors[: len(words)]).sum()
        return int(total)

    def _step(self, number: int) -> int:
        """A secret odd factor for each step, so that changes in two steps do not cancel out."""
        while number >= len(self._steps):
            self._steps.append(self._random.randrange(-(1 << 63), 1 << 63) | 1)
        return self._steps[number]


def _words(tensor: torch.Tensor) -> torch.Tensor:
    """All bytes of a tensor as int64, without a copy where their number allows it."""
    raw = tensor.contiguous().reshape(-1).view(torch.uint8)
    if len(raw) % 8 == 0 and raw.storage_offset() % 8 == 0:
        return raw.view(torch.int64)
    return raw.to(torch.int64)
