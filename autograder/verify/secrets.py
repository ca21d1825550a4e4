"""What a student edition must not hold: hidden checks, correct solutions, hints, right answers.

Each secret is kept as fragments without whitespace, quotes and brackets, so that it is recognised
in whatever layout it was pasted.
"""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from autograder.authoring.exercise import Check, Exercise
from autograder.edition.closure import Home, closure_of, home_of
from autograder.edition.otter_tests import public_closure
from autograder.grading.fixtures import Fixtures

MIN_LINE = 32  # characters, squeezed, from which one statement gives its function away
MIN_BODY = 40  # the same for a whole function
MIN_TEXT = 16  # the same for a title or hint
MIN_NUMBERS = 3  # right answers that must turn up together
DIGITS = 7  # significant digits from which a number is not a coincidence

_NUMBER = re.compile(r"\d+\.\d{4,}(?:e[+-]?\d+)?")


@dataclass(frozen=True, slots=True)
class Secret:
    """Something of one exercise that students must not see; `what` names it for the author."""

    exercise: str
    what: str
    function: str = ""
    name: str = ""
    text: str = ""
    statements: tuple[frozenset[str], ...] = ()
    numbers: frozenset[str] = frozenset()


def squeezed(text: str) -> str:
    """The text without whitespace, quotes, brackets and commas, in lower case."""
    return re.sub(r"[\s'\"\\(),;`]+", "", text).lower()


def numbers_in(text: str) -> frozenset[str]:
    """The decimal numbers of a text that have enough digits not to be a coincidence."""
    found = (number for number in _NUMBER.findall(text))
    return frozenset(number for number in found if _significant(number) >= DIGITS)


def secrets_of(
    exercises: Iterable[Exercise], fixtures: Fixtures, doubtful: Collection[str] = ()
) -> Iterator[Secret]:
    """Every secret of some exercises; a helper that several of them share is told once.

    The references of `doubtful` exercises are not asked for right answers.
    """
    seen: set[Home] = set()
    for exercise in exercises:
        seen |= public_closure(exercise)[0].homes
        for what, function in _functions(exercise):
            yield from _bodies(exercise, function, what, seen)
        for check in (check for check in exercise.checks if check.hidden):
            what = f"the hidden check {check.name!r}"
            yield Secret(exercise.name, what, name=check.name, text=_worth(check.title))
            if exercise.name not in doubtful:
                answers = _answers(exercise, check, fixtures)
                yield Secret(exercise.name, f"right answers of {what}", numbers=answers)
        for chaff in exercise.chaffs:
            what = f"the hint of the known-wrong solution {chaff.name!r}"
            yield Secret(exercise.name, what, text=_worth(chaff.hint.partition("\n")[0]))


def _functions(exercise: Exercise) -> Iterator[tuple[str, Callable[..., Any]]]:
    yield "the reference solution", exercise.solution_function
    for wheat in exercise.wheats:
        yield f"the solution {wheat.name!r}", wheat.function
    for check in exercise.checks:
        if check.hidden:
            yield f"the hidden check {check.name!r}", check.function


def _bodies(
    exercise: Exercise, function: Callable[..., Any], what: str, seen: set[Home]
) -> Iterator[Secret]:
    """A function and the helpers that it needs, each as a secret of its own."""
    for definition in closure_of(function, owner=exercise, for_students=False).definitions:
        home = (definition.module, definition.names[0])
        if not definition.is_block or home in seen:
            continue
        seen.add(home)
        name = home[1]
        yield Secret(
            exercise.name,
            what if home == home_of(function) else f"{name}, a part of {what}",
            function="" if name == exercise.name else name,
            statements=tuple(_statements(definition.text)),
        )


def _statements(source: str) -> Iterator[frozenset[str]]:
    """The statements of a function, each as written and as Python would write it."""
    lines = source.split("\n")
    for node in ast.walk(ast.parse(source)):
        for part in _parts(node):
            if isinstance(part, ast.Expr) and isinstance(part.value, ast.Constant):
                continue
            first, last = part.lineno - 1, part.end_lineno or part.lineno
            segment = ast.get_source_segment(source, part) or "\n".join(lines[first:last])
            texts = {squeezed(ast.unparse(part)), squeezed(_without_comments(segment))}
            if all(texts):
                yield frozenset(texts)


def _parts(node: ast.AST) -> Iterator[ast.stmt | ast.expr]:
    if isinstance(node, ast.For | ast.AsyncFor):
        yield node.iter
    elif isinstance(node, ast.If | ast.While):
        yield node.test
    elif isinstance(node, ast.With | ast.AsyncWith):
        yield from (item.context_expr for item in node.items)
    elif isinstance(node, ast.stmt) and not hasattr(node, "body"):
        yield node


def _without_comments(segment: str) -> str:
    return re.sub(r"(?m)\s#[^'\"\n]*$", "", segment)


def _worth(text: str) -> str:
    """A title or hint, unless it is too short to mean anything."""
    return text if len(squeezed(text)) >= MIN_TEXT else ""


def _answers(exercise: Exercise, check: Check, fixtures: Fixtures) -> frozenset[str]:
    """The numbers in what the reference answers in an agreement check of this run."""
    if check.kind != "agrees":
        return frozenset()
    cases = fixtures.cases(exercise, check)
    written = (text for case in cases for text in _written(case.expected.value))
    return frozenset(number for text in written for number in numbers_in(text))


def _written(value: Any) -> Iterator[str]:
    """The numbers of a value as Python and NumPy print them."""
    if isinstance(value, torch.Tensor) and value.is_floating_point():
        for number in value.detach().float().reshape(-1)[:500].tolist():
            yield from (repr(number), str(np.float32(number)))
    elif isinstance(value, float | np.floating) and math.isfinite(value):
        yield from (repr(float(value)), str(np.float32(value)))
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _written(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _written(item)


def _significant(number: str) -> int:
    digits = number.partition("e")[0].replace(".", "")
    return len(digits.strip("0"))
