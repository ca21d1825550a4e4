"""Comparing an answer with the expected value: type, shape, dtype class, finiteness, then values.

The expected value gives the structure. A number may be a Python number, a NumPy scalar or a
zero-dimensional tensor; a float tensor must be float32 and an integer one int64; extra keys of a
result dict are ignored. Messages tell what kind of thing is wrong and where, never the expected
value, so that hidden checks can pass them on.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import AsyncGeneratorType, CoroutineType, FunctionType, GeneratorType, MethodType
from typing import Any

import numpy as np
import torch


@dataclass(frozen=True, slots=True)
class Tolerance:
    """How far a value may be off: |got - expected| <= atol + rtol * |expected|."""

    rtol: float
    atol: float


@dataclass(frozen=True, slots=True, eq=False)
class Opaque:
    """Something that a student's function returned and that does not cross: equal to nothing."""

    description: str


EXACT = Tolerance(0.0, 0.0)
FLOAT32 = Tolerance(1e-5, 1e-6)
ACROSS_DEVICES = Tolerance(1e-4, 1e-5)
BFLOAT16 = Tolerance(2e-2, 5e-3)
SAME = 1e-3  # of an error: what errors may differ by to be called the same

KINDS: Mapping[type, str] = {  # what else a student may return, in the words of `kind_of`
    bool: "a bool",
    int: "an int",
    float: "a float",
    str: "a string",
    type(None): "None",
    CoroutineType: "a coroutine, not a value: write `def`, not `async def`",
    GeneratorType: "a generator, not a value: `return` the result instead of using `yield`",
    AsyncGeneratorType: "an async generator, not a value: write `def` and `return`",
    FunctionType: "a function, not a value: was it meant to be called?",
    MethodType: "a method, not a value: was it meant to be called?",
}


def difference(
    got: Any, expected: Any, tolerance: Tolerance = FLOAT32, where: str = "the result"
) -> str:
    """Say in one sentence how `got` differs from `expected`; "" when it agrees."""
    if isinstance(expected, torch.Tensor) and expected.dim() > 0:
        return _tensor_difference(got, expected, tolerance, where)
    if isinstance(expected, torch.nn.Module):
        return "" if got is expected else f"{where} is not the right module"
    if isinstance(expected, bool):
        return "" if isinstance(got, bool) and got is expected else f"{where} is wrong"
    if isinstance(expected, int | float | np.generic | torch.Tensor):
        return _number_difference(got, expected, tolerance, where)
    if isinstance(expected, Mapping):
        return _mapping_difference(got, expected, tolerance, where)
    if isinstance(expected, list | tuple):
        return _sequence_difference(got, expected, tolerance, where)
    if type(got) is not type(expected):
        return f"{where} is {kind_of(got)}, not {kind_of(expected)}"
    return "" if got == expected else f"{where} is wrong"


def is_close(got: torch.Tensor, expected: torch.Tensor, tolerance: Tolerance) -> bool:
    """Whether every value is within the tolerance of the right one; both have one shape."""
    return torch.allclose(got, expected, rtol=tolerance.rtol, atol=tolerance.atol)


def kind_of(value: Any) -> str:
    """What a value is, in a few words: "a tensor [4, 8] of float32", "a list of 3"."""
    if isinstance(value, Opaque):
        return value.description
    if isinstance(value, torch.Tensor):
        return f"a tensor {list(value.shape)} of {str(value.dtype).removeprefix('torch.')}"
    if isinstance(value, np.ndarray):
        return f"a NumPy array {list(value.shape)}"
    if isinstance(value, list | tuple):
        return f"a {type(value).__name__} of {len(value)}"
    if isinstance(value, Mapping):
        return "a dict"
    return KINDS.get(type(value), f"of type {type(value).__name__}")


def is_number(value: Any) -> bool:
    """Whether a value counts as a number: Python, NumPy scalar or zero-dimensional tensor."""
    if isinstance(value, torch.Tensor):
        return value.dim() == 0 and not value.is_complex()
    return isinstance(value, int | float | np.integer | np.floating | np.bool_)


def _number_difference(got: Any, expected: Any, tolerance: Tolerance, where: str) -> str:
    if not is_number(got):
        return f"{where} is {kind_of(got)}, not a number"
    if isinstance(expected, torch.Tensor):
        if not isinstance(got, torch.Tensor):
            return f"{where} is {kind_of(got)}, not a scalar tensor"
        if got.dtype != expected.dtype:
            return f"{where} is {kind_of(got)}, not {kind_of(expected)}"
    value, target = _as_float(got), _as_float(expected)
    if not math.isfinite(value):
        return f"{where} is {value}"
    if is_close(_double(value), _double(target), tolerance):
        return ""
    if isinstance(expected, int):
        return f"{where} is not the right number"
    return f"{where} is too {'large' if value > target else 'small'}"


def _double(number: float) -> torch.Tensor:
    return torch.tensor(number, dtype=torch.float64)


def _as_float(number: Any) -> float:
    """A number as a float; an integer beyond the range of floats counts as infinite."""
    try:
        return float(number.detach() if isinstance(number, torch.Tensor) else number)
    except OverflowError:
        return math.inf


def _tensor_difference(got: Any, expected: torch.Tensor, tolerance: Tolerance, where: str) -> str:
    if not isinstance(got, torch.Tensor):
        return f"{where} is {kind_of(got)}, not a torch tensor"
    if got.shape != expected.shape:
        return f"{where} has shape {list(got.shape)}, not {list(expected.shape)}"
    if got.dtype != expected.dtype:
        return f"{where} is {kind_of(got)}, not {kind_of(expected)}"
    got, expected = got.detach().cpu(), expected.detach().cpu()
    if not expected.is_floating_point():
        equal = torch.equal(got, expected)
        return "" if equal else f"in {where}, {_in_words(got, expected, EXACT)}"
    if not bool(torch.isfinite(got).all()):
        return f"{where} holds NaN or infinity"
    if not is_close(got, expected, tolerance):
        return f"in {where}, {_in_words(got, expected, tolerance)}"
    return ""


def _in_words(got: torch.Tensor, expected: torch.Tensor, tolerance: Tolerance) -> str:
    """How the values of one tensor differ from another's of the same shape, without any number."""
    one, other = got.double().flatten(), expected.double().flatten()
    alone = len(one) == 1 or expected.dtype == torch.bool
    if not alone and torch.allclose(
        one.sort().values, other.sort().values, rtol=tolerance.rtol, atol=tolerance.atol
    ):
        return "the right values stand in the wrong order"
    off = one - other
    if bool((off.abs() <= tolerance.atol + tolerance.rtol * other.abs()).any()):
        return "some values are right and others are not"
    if not alone and bool((off.max() - off.min()) <= SAME * off.abs().max()):
        return "every value is off by the same amount"
    factors = one / other
    if not alone and bool((factors.max() - factors.min()) <= SAME * factors.abs().max()):
        opposite = abs(float(factors[0]) + 1) <= SAME
        return f"every value {'has the wrong sign' if opposite else 'is off by the same factor'}"
    return "no value is right"


def _mapping_difference(
    got: Any, expected: Mapping[Any, Any], tolerance: Tolerance, where: str
) -> str:
    if not isinstance(got, Mapping):
        return f"{where} is {kind_of(got)}, not a dict"
    counting = all(isinstance(key, int) for key in expected)
    for key, value in expected.items():
        if key not in got:
            return f"{where} lacks {key!r}" if not counting else f"{where} lacks expert {key}"
        found = difference(got[key], value, tolerance, f"{where}[{key!r}]")
        if found:
            return found
    if counting and len(got) != len(expected):
        return f"{where} has {len(got)} keys, not {len(expected)}"
    return ""


def _sequence_difference(
    got: Any, expected: list[Any] | tuple[Any, ...], tolerance: Tolerance, where: str
) -> str:
    if not isinstance(got, list | tuple):
        return f"{where} is {kind_of(got)}, not a {type(expected).__name__}"
    if isinstance(expected, list) and not isinstance(got, list):
        return f"{where} is {kind_of(got)}, not a list"
    if len(got) != len(expected):
        return f"{where} has {len(got)} entries, not {len(expected)}"
    for position, (one, other) in enumerate(zip(got, expected, strict=True)):
        found = difference(one, other, tolerance, f"{where}[{position}]")
        if found:
            return found
    return ""
