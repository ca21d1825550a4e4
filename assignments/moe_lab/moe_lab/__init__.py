"""What the labs on mixture-of-experts models add: small models with known routing, a tokenizer.

Public checks that ask for `bench` get all of them. What `moelab_kit` offers is here, too, so that a
notebook needs one import. A name is imported when it is first asked for.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

import moelab_kit

if TYPE_CHECKING:
    from moe_lab.bench import Bench
    from moe_lab.corpus import batch_of
    from moe_lab.loading import load_model, load_tokenizer
    from moe_lab.training import training_race
    from moelab_kit.handing_in import hand_in
    from moelab_kit.saved import this_notebook

_HOME = {
    "Bench": "moe_lab.bench",
    "batch_of": "moe_lab.corpus",
    "load_model": "moe_lab.loading",
    "load_tokenizer": "moe_lab.loading",
    "training_race": "moe_lab.training",
}

__all__ = [
    "Bench",
    "batch_of",
    "hand_in",
    "load_model",
    "load_tokenizer",
    "this_notebook",
    "training_race",
]

# What `pip install` brings for these modules, for a lab's `requirements.txt`.
NEEDS = ("torch>=2.7", "transformers>=5.21", "numpy>=1.26")

moelab_kit.offer("bench", "moe_lab.bench:Bench")
moelab_kit.give("load_model", "moe_lab.loading:load_model", graded="moe_lab.loading:tiny_model")
moelab_kit.give(
    "load_tokenizer", "moe_lab.loading:load_tokenizer", graded="moe_lab.loading:tiny_tokenizer"
)
moelab_kit.give(
    "training_race", "moe_lab.training:training_race", graded="moe_lab.training:first_steps"
)


def __getattr__(name: str) -> Any:
    if name in moelab_kit.__all__:
        value = getattr(moelab_kit, name)
    elif name in _HOME:
        value = getattr(import_module(_HOME[name]), name)
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
