"""The lab bench: small MoE models with known routing, a tokenizer, and what checks are made of.

This package stands on its own (torch, transformers and numpy only). The grader and the sandbox
use it as `autograder.lab`; `moelab build` copies it word for word into the student edition as
`moe_lab`. A name is imported when it is first asked for, so that reading a receipt needs no torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from autograder.lab.bench import Bench
    from autograder.lab.calls import Answer, CallFailed, Gradient
    from autograder.lab.compare import BFLOAT16, EXACT, FLOAT32, Tolerance, difference
    from autograder.lab.handin import hand_in
    from autograder.lab.loading import load_model, load_tokenizer
    from autograder.lab.saved import this_notebook

_MODULES = {
    "bench": ("Bench",),
    "calls": ("Answer", "CallFailed", "Gradient"),
    "compare": ("BFLOAT16", "EXACT", "FLOAT32", "Tolerance", "difference"),
    "handin": ("hand_in",),
    "loading": ("load_model", "load_tokenizer"),
    "saved": ("this_notebook",),
}
_HOME = {name: module for module, names in _MODULES.items() for name in names}

__all__ = [
    "BFLOAT16",
    "EXACT",
    "FLOAT32",
    "Answer",
    "Bench",
    "CallFailed",
    "Gradient",
    "Tolerance",
    "difference",
    "hand_in",
    "load_model",
    "load_tokenizer",
    "this_notebook",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f".{_HOME[name]}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
