"""What students of any course get: public checks, comparison, figures, side effects, handing in.

The same package serves students, the grader and the sandbox. It knows no model: a package like
`moe_lab` brings models, and says with `offer` what checks may ask for. A name is imported when it
is first asked for, so that reading a receipt needs no torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from moelab_kit.calls import Answer, CallFailed, Gradient
    from moelab_kit.compare import BFLOAT16, EXACT, FLOAT32, Tolerance, difference
    from moelab_kit.handing_in import hand_in
    from moelab_kit.saved import this_notebook

_MODULES = {
    "calls": ("Answer", "CallFailed", "Gradient"),
    "compare": ("BFLOAT16", "EXACT", "FLOAT32", "Tolerance", "difference"),
    "handing_in": ("hand_in",),
    "saved": ("this_notebook",),
}
_HOME = {name: module for module, names in _MODULES.items() for name in names}
_OFFERED: dict[str, str] = {}

__all__ = [
    "BFLOAT16",
    "EXACT",
    "FLOAT32",
    "Answer",
    "CallFailed",
    "Gradient",
    "Tolerance",
    "difference",
    "hand_in",
    "offer",
    "this_notebook",
]


def offer(fixture: str, maker: str) -> None:
    """Let public checks ask for a fixture by the name of a parameter.

    `maker` is `"module:name"` of what makes one without arguments, imported when a check asks.
    """
    _OFFERED[fixture] = maker


def offered(fixture: str) -> Any:
    """What makes a fixture; `KeyError` where no package offers it."""
    module, _, name = _OFFERED[fixture].partition(":")
    return getattr(import_module(module), name)


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
