"""What students of any course get: public checks, comparison, figures, side effects, handing in.

The same package serves students, the grader and the sandbox. It knows no model: a package like
`moe_lab` brings models, and says with `offer` what checks may ask for, with `give` which functions
notebooks have from the start. A name is imported when it is first asked for, so that reading a
receipt needs no torch.
"""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules
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
# What `pip install` brings for these modules and for the notebook that they check.
NEEDS = (
    "torch>=2.7",
    "numpy>=1.26",
    "matplotlib>=3.8",
    "otter-grader>=7,<8",
    "ipykernel>=6.29",
    "jupyterlab>=4",
)

_OFFERED: dict[str, str] = {}
_GIVEN: dict[str, tuple[str, str]] = {}

__all__ = [
    "BFLOAT16",
    "EXACT",
    "FLOAT32",
    "Answer",
    "CallFailed",
    "Gradient",
    "Tolerance",
    "difference",
    "give",
    "given_by",
    "hand_in",
    "import_whole",
    "offer",
    "offered_by",
    "this_notebook",
]


def offer(fixture: str, maker: str) -> None:
    """Let public checks ask for a fixture by the name of a parameter.

    `maker` is `"module:name"` of what makes one without arguments, imported when a check asks.
    """
    _OFFERED[fixture] = maker


def offered(fixture: str) -> Any:
    """What makes a fixture; `KeyError` where no package offers it."""
    return _imported(_OFFERED[fixture])


def offered_by(package: str) -> dict[str, Any]:
    """What makes each fixture that a package offers, by name; the package is imported."""
    import_module(package)
    return {name: _imported(maker) for name, maker in _OFFERED.items() if _is_of(maker, package)}


def give(name: str, function: str, *, graded: str) -> None:
    """Let notebooks have a function from the start, written `"module:name"`.

    `graded` takes its place where a submission is graded: without network, whatever is asked for.
    """
    _GIVEN[name] = (function, graded)


def given_by(package: str, *, graded: bool = False) -> dict[str, Any]:
    """The functions that a package gives notebooks, by name; the package is imported."""
    import_module(package)
    return {
        name: _imported(pair[graded]) for name, pair in _GIVEN.items() if _is_of(pair[0], package)
    }


def import_whole(package: str) -> None:
    """Import every module of a package: none has to be read from disk later."""
    for found in iter_modules(import_module(package).__path__):
        import_module(f"{package}.{found.name}")


def _imported(place: str) -> Any:
    module, _, name = place.partition(":")
    return getattr(import_module(module), name)


def _is_of(place: str, package: str) -> bool:
    return place.partition(":")[0].partition(".")[0] == package


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
