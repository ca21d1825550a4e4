"""Fixtures: what a course's checks get by name, declared as pytest's are::

    @fixture
    def sentence(rng):
        "A sentence of three to twelve words."
        return " ".join(rng.choice(WORDS, size=int(rng.integers(3, 13))))

Each check with a parameter `sentence` gets one, drawn from its own `rng`. Fixtures may ask for
fixtures. Those of a course are in `fixtures.py` beside its `__init__.py`, those of one assignment
in `fixtures.py` of its folder, where they replace the course's. Public checks take them along into
the notebook. `rng` and `shared_rng` are the engine's; `bench` comes with a package (`packages`).
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from autograder.authoring.exercise import Exercise

Function = TypeVar("Function", bound=Callable[..., Any])

MODULE = "fixtures"  # the module that declares them
ENGINES = ("answer", "rng", "shared_rng", "bench")  # names that no course may take
_MARK = "__moelab_fixture__"


def fixture(function: Function) -> Function:
    """Declare what checks get that have a parameter of this name; the docstring says what it is.

    Raises `ValueError` for a name that is the engine's, and without a docstring.
    """
    name = function.__name__
    if name in ENGINES:
        raise ValueError(f"{function.__module__}: the engine has a fixture {name!r}; rename yours")
    if not inspect.cleandoc(function.__doc__ or ""):
        raise ValueError(f"{function.__module__}: the fixture {name!r} needs a docstring")
    setattr(function, _MARK, True)
    return function


def fixtures_of(exercise: Exercise) -> dict[str, Callable[..., Any]]:
    """The fixtures that the checks of an exercise may ask for, by name: the nearest one counts."""
    parts = exercise.module_name.split(".")
    found: dict[str, Callable[..., Any]] = {}
    for size in range(1, len(parts) + 1):
        package = ".".join(parts[:size])
        if hasattr(sys.modules.get(package), "__path__"):
            found |= _declared_in(f"{package}.{MODULE}")
    return found


def wanted_by(function: Callable[..., Any], exercise: Exercise) -> dict[str, Callable[..., Any]]:
    """The course's fixtures that a check needs, with those that they need themselves."""
    known = fixtures_of(exercise)
    found: dict[str, Callable[..., Any]] = {}
    waiting = [function]
    while waiting:
        for name in inspect.signature(waiting.pop()).parameters:
            if name in known and name not in found:
                found[name] = known[name]
                waiting.append(known[name])
    return found


def _declared_in(module: str) -> dict[str, Callable[..., Any]]:
    if module not in sys.modules and find_spec(module) is None:
        return {}
    return {
        name: value
        for name, value in vars(import_module(module)).items()
        if inspect.isfunction(value) and getattr(value, _MARK, False)
    }
