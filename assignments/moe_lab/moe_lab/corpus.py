"""Text of three kinds that needs no network: every Python brings it along.

Prose is the language reference that `help()` prints, code is the source of standard modules, and
sums are drawn. Only the sums are the same in every version of Python.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

import numpy as np
import torch

KINDS = ("prose", "code", "sums")
_MODULES = (
    *("argparse", "ast", "calendar", "configparser", "csv", "difflib", "fractions", "heapq"),
    *("inspect", "pickle", "random", "shlex", "statistics", "tarfile", "textwrap", "typing"),
)
_SUMS = 20_000


@cache
def corpus() -> Mapping[str, bytes]:
    """The text of each kind, as UTF-8."""
    return {"prose": _prose(), "code": _code(), "sums": _sums()}


def batch_of(
    rng: np.random.Generator, kinds: Sequence[str], length: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Draw a piece of `length` bytes of each of these kinds: int64 [len(kinds), length].

    Also gives the number of each piece's kind in `KINDS`, int64 [len(kinds)].
    """
    rows = []
    for kind in kinds:
        text = corpus()[kind]
        start = int(rng.integers(len(text) - length))
        rows.append(list(text[start : start + length]))
    return torch.tensor(rows), torch.tensor([KINDS.index(kind) for kind in kinds])


def mixed_batch(
    rng: np.random.Generator, size: int, length: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """A batch of `size` pieces of `length` bytes, of kinds in turn: ids and kinds."""
    return batch_of(rng, [KINDS[place % len(KINDS)] for place in range(size)], length)


def _prose() -> bytes:
    topics: Mapping[str, str] = importlib.import_module("pydoc_data.topics").topics
    return "\n\n".join(topics[name] for name in sorted(topics)).encode()


def _code() -> bytes:
    sources = []
    for name in _MODULES:
        spec = importlib.util.find_spec(name)
        if spec is not None and spec.origin and spec.origin.endswith(".py"):
            sources.append(Path(spec.origin).read_bytes())
    return b"\n\n".join(sources)


def _sums() -> bytes:
    pairs = np.random.default_rng(0).integers(0, 1000, size=(_SUMS, 2))
    return "".join(f"{a} + {b} = {a + b}\n" for a, b in pairs.tolist()).encode()
