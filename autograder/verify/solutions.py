"""The solutions that an exercise is tried with: what must pass, what must fail, and how."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from copy import copy
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import torch

from autograder.authoring.exercise import Exercise
from autograder.edition.source import stub_source

Kind = Literal["reference", "blank", "wheat", "chaff", "nothing", "memory"]


@dataclass(frozen=True, slots=True)
class Solution:
    """A function in the place of a student's."""

    kind: Kind
    name: str
    function: Callable[..., Any]
    caught_by: tuple[str, ...] = ()

    def __str__(self) -> str:
        if self.kind in ("reference", "blank"):
            return self.name
        return f"{_WORDS[self.kind]} {self.name!r}"


_WORDS = {
    "wheat": "the correct solution",
    "chaff": "the chaff",
    "nothing": "the empty answer",
    "memory": "the memory",
}


def reference_of(exercise: Exercise) -> Solution:
    """The reference solution."""
    return Solution("reference", "the reference", exercise.solution_function)


def blank_of(exercise: Exercise) -> Solution:
    """What a student starts from: the stub, executed as it stands in the notebook."""
    namespace: dict[str, Any] = {"__name__": "__main__"}
    code = compile(stub_source(exercise), f"<stub of {exercise.name}>", "exec")
    exec(code, namespace)  # noqa: S102 (the course's own code)
    return Solution("blank", "the blank stub", namespace[exercise.name])


def kept_with(exercise: Exercise) -> Iterator[Solution]:
    """The wheats and chaffs."""
    for wheat in exercise.wheats:
        yield Solution("wheat", wheat.name, wheat.function)
    for chaff in exercise.chaffs:
        caught_by = tuple(check.name for check in chaff.caught_by)
        yield Solution("chaff", chaff.name, chaff.function, caught_by)


def nothing_answers() -> Iterator[Solution]:
    """Functions that answer any question in the same way."""
    for error in (ValueError, IndexError, NotImplementedError):
        yield Solution("nothing", f"raises {error.__name__}", _raising(error))
    plain: tuple[Any, ...] = (None, 0, 1.0, True, "")
    for value in plain:
        yield Solution("nothing", f"returns {value!r}", _returning(partial(copy, value)))
    yield Solution("nothing", "returns []", _returning(list))
    yield Solution("nothing", "returns {}", _returning(dict))
    yield Solution("nothing", "returns a NaN tensor", _returning(lambda: torch.tensor(torch.nan)))
    yield Solution("nothing", "returns a tensor of 1", _returning(lambda: torch.tensor(1.0)))
    yield Solution("nothing", "returns its first argument", _first_argument)


def _raising(error: type[Exception]) -> Callable[..., Any]:
    def answer(*args: Any, **kwargs: Any) -> Any:
        raise error("nothing")

    return answer


def _returning(make: Callable[[], Any]) -> Callable[..., Any]:
    def answer(*args: Any, **kwargs: Any) -> Any:
        return make()

    return answer


def _first_argument(*args: Any, **kwargs: Any) -> Any:
    return next(iter((*args, *kwargs.values())), None)
