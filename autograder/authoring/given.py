"""The arguments of one call, where an `agrees` check needs more than a plain tuple."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Given:
    """Positional and keyword arguments of one call of a student's function."""

    args: tuple[Any, ...]
    kwargs: Mapping[str, Any] = field(default_factory=dict)


def given(*args: Any, **kwargs: Any) -> Given:
    """Write a call's arguments as the call would be written: `given(logits, top_k=2)`."""
    return Given(args, kwargs)


def as_given(yielded: Any) -> Given:
    """Accept what a generator yields: a `Given`, a tuple of arguments, or one argument."""
    if isinstance(yielded, Given):
        return yielded
    if isinstance(yielded, tuple):
        return Given(yielded)
    return Given((yielded,))
