"""Running a public check in the student's own notebook: `grader.check("…")` ends up here.

Otter shows the name and the text of what a test raises, so every way in which a check can end is
told in one sentence that says what to look at.
"""

from __future__ import annotations

import inspect
import linecache
import re
import sys
import traceback
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

from moelab_kit import offered
from moelab_kit.calls import Answer, CallFailed, perform
from moelab_kit.compare import kind_of

Law = Callable[..., None]
NONE: Mapping[str, Callable[..., Any]] = MappingProxyType({})


class UnknownFixture(LookupError):  # noqa: N818 - its text is the name
    """A check or a fixture asks for something that nobody offers."""


def _nobody(name: str) -> Any:
    raise UnknownFixture(name)


def run_law(
    law: Law,
    name: str,
    function: Any,
    *,
    seed: int = 0,
    fixtures: Mapping[str, Callable[..., Any]] = NONE,
) -> None:
    """Run one law against the function that the student calls `name`.

    `function` is what the notebook holds under that name, None where there is nothing. `law` gets
    the fixtures that it names: `rng`, seeded with `seed`, those that packages offer, and the
    course's own, `fixtures`. Raises `AssertionError`, with a sentence for the student, unless the
    law holds.
    """
    figures = _open_figures()
    trouble = _trouble(law, name, function, lambda: fixtures_of(law, seed, fixtures))
    for number in _open_figures() - figures:
        sys.modules["matplotlib.pyplot"].close(number)
    if trouble:
        raise AssertionError(_shown(trouble))


def _trouble(law: Law, name: str, function: Any, wanted: Callable[[], dict[str, Any]]) -> str:
    """Why the law does not hold; "" when it does."""
    if function is None:
        return f"{name} is not defined: run the cell that defines it, and keep its name"
    if not callable(function):
        return f"{name} is {kind_of(function)}, not a function: is the name used twice?"
    watched = _Watched(function)
    answer = Answer(name, lambda call: perform(watched, call))
    try:
        law(answer, **wanted())
    except AssertionError as wrong:
        return str(wrong) or _title(law)
    except CallFailed as failed:
        return f"{failed}{watched.place}"
    except Exception as error:
        kind = kind_of(watched.returned)
        problem = f"{type(error).__name__}: {error}"
        return f"the check could not use what {name} returned, {kind}: {problem}"
    return ""


class _Watched:
    """A student's function that remembers what it last returned, or where it last raised."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function
        self.returned: Any = None
        self.place = ""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        self.place = ""
        try:
            self.returned = self._function(*args, **kwargs)
        except NotImplementedError:
            raise
        except (Exception, SystemExit) as error:
            self.place = _place(error, self._function)
            raise
        return self.returned


def _open_figures() -> set[int]:
    """The figures of pyplot; those that a check makes are closed, or the notebook shows them."""
    pyplot = sys.modules.get("matplotlib.pyplot")
    return set() if pyplot is None else set(pyplot.get_fignums())


def _place(error: BaseException, function: Callable[..., Any]) -> str:
    """The last line of the student's own code that an exception passed through."""
    own = getattr(inspect.unwrap(function), "__globals__", None)
    lines = [
        (frame.f_code, number)
        for frame, number in traceback.walk_tb(error.__traceback__)
        if frame.f_globals is own
    ]
    if not lines:
        return ""
    code, number = lines[-1]
    text = linecache.getline(code.co_filename, number).strip()
    return f"\n(in {code.co_name}, line {number} of its cell: {text})"


def fixtures_of(
    law: Law, seed: int = 0, fixtures: Mapping[str, Callable[..., Any]] = NONE
) -> dict[str, Any]:
    """What a law asks for in a notebook: `rng`, what packages offer, and the course's `fixtures`.

    Raises `UnknownFixture` with the name of one that nobody offers.
    """
    wanted = list(inspect.signature(law).parameters)[1:]
    drawn = dict.fromkeys(("rng", "shared_rng"), lambda: np.random.default_rng(seed))
    return values_of(wanted, {**drawn, **fixtures}, _offered)


def values_of(
    names: Iterable[str],
    makers: Mapping[str, Callable[..., Any]],
    otherwise: Callable[[str], Any] = _nobody,
) -> dict[str, Any]:
    """The value of each fixture, made once; a maker's parameters are fixtures that it needs.

    What no maker makes is asked of `otherwise`, which raises `UnknownFixture` with a name.
    """
    made: dict[str, Any] = {}

    def value(name: str, around: tuple[str, ...] = ()) -> Any:
        if name in around:
            raise ValueError(f"the fixture {name!r} needs itself")
        if name not in made:
            if name in makers:
                needed = inspect.signature(makers[name]).parameters
                made[name] = makers[name](*(value(one, (*around, name)) for one in needed))
            else:
                made[name] = otherwise(name)
        return made[name]

    return {name: value(name) for name in names}


def _offered(name: str) -> Any:
    """A fixture that a package offers."""
    try:
        maker = offered(name)
    except KeyError:
        raise UnknownFixture(name) from None
    return maker()


def _title(law: Law) -> str:
    return inspect.cleandoc(law.__doc__ or law.__name__).splitlines()[0]


def _shown(message: str) -> str:
    """Keep words such as <class 'int'> visible: Otter puts messages into HTML as they are."""
    return re.sub(r"<(?=[A-Za-z/!])", "‹", message)
