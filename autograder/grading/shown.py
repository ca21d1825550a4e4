"""Values as one short line of text, for an instructor: numbers, shapes, and where two values part.

A value may be what a student's function returned. Its numbers are printed, its text is quoted with
every character that is not plain escaped, and of anything else only a fixed word is told, so that
nothing here can be longer, or say anything else, than this module decides.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

import numpy as np
import torch
from torch import nn

from autograder.grading.misconceptions.figures import parting
from moelab_kit.bench import HeldModels
from moelab_kit.calls import Call
from moelab_kit.compare import Opaque, Tolerance, difference
from moelab_kit.drawing import Drawing
from moelab_kit.side_effects import walk

MOST_NUMBERS = 48  # of a tensor
MOST_ITEMS = 8  # of a list or dict
MOST_LETTERS = 60  # of a text
MOST_ASPECTS = 3  # in which two figures differ
DEEPEST = 4

Names = Mapping[int, str]  # of a call's models, their modules and its tokenizers, by identity


def names_in(call: Call, bench: HeldModels) -> Names:
    """How the models, modules and tokenizers among a call's arguments are called."""
    names: dict[int, str] = {}
    for argument in call.arguments:
        handle = bench.handle_of(argument)
        if handle is not None and isinstance(argument, nn.Module):
            names |= {id(module): f"<{name}>" for name, module in walk(argument)}
        if handle is not None:
            names[id(argument)] = f"<{bench.described(handle)}>"
    return names


def shown_call(call: Call, names: Names) -> str:
    """A call as it would be written: `route([2, 4] float32 …, 2, scale=0.5)`."""
    given = [shown(one, names) for one in call.args]
    given += [f"{name}={shown(one, names)}" for name, one in call.kwargs.items()]
    by = ", ".join(map(str, call.gradient_of))
    return f"{call.function}({', '.join(given)})" + (f", differentiated by {by}" if by else "")


def shown(value: Any, names: Names, depth: int = 0) -> str:
    """A value in a few words."""
    if id(value) in names:
        return names[id(value)]
    if value is None or isinstance(value, bool):
        return str(value)
    if isinstance(value, str):
        return _quoted(value)
    if isinstance(value, int | float):
        return _number(value)
    if isinstance(value, torch.Tensor):
        return _tensor(value.detach().cpu(), str(value.dtype).removeprefix("torch."))
    if isinstance(value, np.ndarray):
        kind = f"NumPy {value.dtype.name}"
        return _tensor(torch.from_numpy(np.ascontiguousarray(value)), kind)
    if isinstance(value, np.integer | np.floating):
        return _number(value.item())
    if isinstance(value, Opaque):
        return value.description
    if isinstance(value, Drawing):
        return f"a figure with {len(value.panels)} panels"
    return _container(value, names, depth)


def _container(value: Any, names: Names, depth: int) -> str:
    if not isinstance(value, Mapping | list | tuple):
        return "something else"
    if depth >= DEEPEST:
        return "…"
    more = ", …" if len(value) > MOST_ITEMS else ""
    if isinstance(value, Mapping):
        pairs = islice(value.items(), MOST_ITEMS)
        items = [f"{shown(k, names, DEEPEST)}: {shown(v, names, depth + 1)}" for k, v in pairs]
        return f"{{{', '.join(items)}{more}}}"
    inner = ", ".join(shown(item, names, depth + 1) for item in value[:MOST_ITEMS])
    of_all = f" ({len(value)} in all)" if more else ""
    return (f"({inner}{more})" if isinstance(value, tuple) else f"[{inner}{more}]") + of_all


def _quoted(text: str) -> str:
    """Text between quotes, its letters as they are if they are plain, else escaped."""
    return ascii(text[:MOST_LETTERS]) + ("…" if len(text) > MOST_LETTERS else "")


def _number(value: float) -> str:
    if isinstance(value, int):
        return str(value)
    return f"{value:.6g}" if not value.is_integer() or abs(value) > 1e6 else f"{value:.1f}"


def _tensor(value: torch.Tensor, kind: str) -> str:
    """Shape, dtype, and all values of a small tensor, the first and the extremes of a large one."""
    if value.dim() == 0:
        return f"{_number(value.item())} ({kind})"
    size = f"{list(value.shape)} {kind}"
    if value.numel() == 0:
        return size
    if value.numel() <= MOST_NUMBERS:
        return f"{size} {_nested(value)}"
    few = ", ".join(map(_number, value.flatten()[:MOST_ITEMS].tolist()))
    if value.dtype == torch.bool:
        return f"{size} {few}, … ({int(value.sum())} are true)"
    low, high = (_number(one.item()) for one in (value.min(), value.max()))
    return f"{size} {few}, … (from {low} to {high})"


def _nested(value: torch.Tensor) -> str:
    if value.dim() == 1:
        return f"[{', '.join(map(_number, value.tolist()))}]"
    return f"[{', '.join(map(_nested, value))}]"


def parted(got: Any, right: Any, tolerance: Tolerance, names: Names) -> tuple[str, str]:
    """Two values that differ: each as text, from the first place on where they do."""
    if isinstance(got, Drawing) and isinstance(right, Drawing):
        return _parted_figures(got, right, names)
    place, one, other = _first(got, right, tolerance, "")
    where = f"{place}: " if place else ""
    return f"{where}{shown(one, names)}", f"{where}{shown(other, names)}"


def _parted_figures(got: Drawing, right: Drawing, names: Names) -> tuple[str, str]:
    aspects = list(islice(parting(got, right), MOST_ASPECTS))
    if not aspects:
        return "a figure that shows the same values", "the reference's figure"
    said, wanted = (
        "; ".join(f"{name} {shown(pair[side], names)}" for name, pair in aspects) for side in (0, 1)
    )
    return said, wanted


def _first(got: Any, right: Any, tolerance: Tolerance, place: str) -> tuple[str, Any, Any]:
    """The first place where two values differ, and what stands there."""
    for name, one, other in _parts(got, right):
        if difference(one, other, tolerance):
            return _first(one, other, tolerance, f"{place}{name}")
    if _are_large_and_alike(got, right):
        return _farthest(got, right, tolerance, place)
    return place, got, right


def _parts(got: Any, right: Any) -> Iterator[tuple[str, Any, Any]]:
    if isinstance(got, Mapping) and isinstance(right, Mapping):
        for key in right:
            if key in got:
                yield f"[{shown(key, {}, DEEPEST)}]", got[key], right[key]
    elif _is_sequence(got) and _is_sequence(right) and len(got) == len(right):
        for number, (one, other) in enumerate(zip(got, right, strict=True)):
            yield f"[{number}]", one, other


def _is_sequence(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str | bytes)


def _are_large_and_alike(got: Any, right: Any) -> bool:
    tensors = isinstance(got, torch.Tensor) and isinstance(right, torch.Tensor)
    return (
        tensors
        and got.shape == right.shape
        and got.dtype == right.dtype
        and got.numel() > MOST_NUMBERS
    )


def _farthest(
    got: torch.Tensor, right: torch.Tensor, tolerance: Tolerance, place: str
) -> tuple[str, Any, Any]:
    """The entry of two tensors that is the farthest off, and how many are off at all."""
    one, other = got.detach().cpu().double(), right.detach().cpu().double()
    errors = (one - other).abs().nan_to_num(math.inf)
    off = int((errors > tolerance.atol + tolerance.rtol * other.abs()).sum())
    index = np.unravel_index(int(errors.argmax()), got.shape)
    entry = tuple(map(int, index))
    where = f"{place}[{', '.join(map(str, entry))}] ({off} of {got.numel()} values are off)"
    return where, got[entry].item(), right[entry].item()
