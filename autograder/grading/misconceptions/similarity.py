"""Whether a student's reply shows the same misconception as a known-wrong solution's reply.

Three replies to one call are compared: the student's, the known-wrong solution's and the right
one. Where both are right, they may look different; where both are wrong, they must be wrong in the
same way.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from autograder.authoring.exercise import Check
from autograder.grading.misconceptions.figures import differs, plain, wrong_alike
from moelab_kit.calls import Reply
from moelab_kit.compare import Opaque, difference
from moelab_kit.drawing import Drawing

_NAN, _INFINITE = 1.25e30, 1.5e30  # stand for what no tolerance can compare
_TRACES = ("hook", "training", "evaluation", "forward", "added or removed", "gradient", "model's")


def deviates(reply: Reply | None, right: Reply, check: Check) -> bool:
    """Whether a reply is not what the reference replies; `None` is one that cannot be sent."""
    if reply is None or _exception(reply) != _exception(right) or _trace(reply) != _trace(right):
        return True
    if _ties(reply) != _ties(right):
        return True
    if isinstance(reply.value, Drawing) and isinstance(right.value, Drawing):
        return differs(reply.value, right.value)
    return not (_same_value(reply.value, right.value, check) and _same_gradients(reply, right))


def alike(reply: Reply | None, known: Reply | None, right: Reply, check: Check) -> bool:
    """Whether a reply is wrong in the way of a known-wrong one, or both are right."""
    if reply is None or known is None:
        return reply is known
    if _exception(reply) != _exception(known) or _trace(reply) != _trace(known):
        return False
    if isinstance(known.value, Drawing) and isinstance(right.value, Drawing):
        given = reply.value
        return isinstance(given, Drawing) and wrong_alike(given, known.value, right.value)
    wrong = deviates(known, right, check)
    if wrong != deviates(reply, right, check):
        return False
    return not wrong or _wrong_alike(reply, known, right, check)


def _wrong_alike(reply: Reply, known: Reply, right: Reply, check: Check) -> bool:
    if _ties(known) != _ties(reply):
        return False
    if _missing(reply.value, right.value) != _missing(known.value, right.value):
        return False
    if _are_drawings(reply.value) and _are_drawings(known.value):
        pairs = zip(reply.value, known.value, strict=False)
        same_number = len(reply.value) == len(known.value)
        return same_number and all(wrong_alike(one, other, other) for one, other in pairs)
    return _same_value(reply.value, known.value, check) and _same_gradients(reply, known)


def _are_drawings(value: Any) -> bool:
    """Whether several drawings came in place of one; those too may differ in style."""
    return isinstance(value, list | tuple) and all(isinstance(one, Drawing) for one in value)


def _same_value(value: Any, other: Any, check: Check) -> bool:
    value, other = _comparable(value), _comparable(other)
    if not difference(value, other, check.tolerance):
        return True
    if check.compare is None:
        return False
    try:
        return not check.compare(value, other)
    except Exception:  # a comparison may expect the form of a right result
        return False


def _same_gradients(reply: Reply, other: Reply) -> bool:
    if len(reply.gradients) != len(other.gradients):
        return False
    return all(
        not difference(_comparable(_full(one, two)), _comparable(_full(two, one)))
        for one, two in zip(reply.gradients, other.gradients, strict=True)
    )


def _full(gradient: torch.Tensor | None, other: torch.Tensor | None) -> torch.Tensor | None:
    """A gradient; where none flows and the other side has one, zeros."""
    return torch.zeros_like(other) if gradient is None and other is not None else gradient


def _missing(value: Any, right: Any) -> frozenset[Any]:
    """The keys that a result lacks."""
    if not isinstance(value, Mapping) or not isinstance(right, Mapping):
        return frozenset()
    return frozenset(key for key in right if key not in value)


def _ties(reply: Reply) -> tuple[bool, bool]:
    """Whether a result shares memory with an argument, and whether it belongs to a graph."""
    in_graph = isinstance(reply.value, torch.Tensor) and reply.value.requires_grad
    return bool(reply.shares_memory), in_graph


def _exception(reply: Reply) -> str:
    return "" if reply.raised is None else reply.raised.type_name


def _trace(reply: Reply) -> str:
    """What kind of thing a call left behind, without the names of modules and parameters."""
    kinds = (trace for trace in _TRACES if trace in reply.left_behind)
    return next(kinds, reply.left_behind)


def _comparable(value: Any) -> Any:
    """A value in which NaN, infinity and what did not cross are equal to their like."""
    if isinstance(value, torch.Tensor) and value.is_floating_point():
        return torch.nan_to_num(value.detach(), nan=_NAN, posinf=_INFINITE, neginf=-_INFINITE)
    if isinstance(value, np.ndarray) and value.dtype.kind == "f":
        return _comparable(torch.from_numpy(np.ascontiguousarray(value)))
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, float) and not math.isfinite(value):
        return _NAN if math.isnan(value) else math.copysign(_INFINITE, value)
    if isinstance(value, Mapping):
        return {key: _comparable(_plain(item)) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_comparable(_plain(item)) for item in value)
    if isinstance(value, Drawing):
        return _comparable(plain(value))
    return value.description if isinstance(value, Opaque) else value


def _plain(item: Any) -> Any:
    """A number in a container: a Python number, whatever kind of scalar it is."""
    is_scalar = isinstance(item, torch.Tensor) and item.dim() == 0
    return item.item() if is_scalar else item
