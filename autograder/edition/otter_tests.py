"""Public checks as Otter test files (exception-based), self-contained apart from `moelab_kit`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace

from autograder.authoring.exercise import Check, Exercise
from autograder.authoring.fixture import wanted_by
from autograder.edition.closure import Closure, Home, closure_of, home_of
from autograder.edition.errors import BuildError
from autograder.edition.modules import Import, exercises_of
from autograder.edition.source import render

PART = ", a part of it"

_HEADER = (
    Import("otter.test_files", "test_case", "test_case"),
    Import("moelab_kit.law", "run_law", "run_law"),
)


def otter_test(exercise: Exercise) -> str:
    """The public checks of an exercise as one Otter test file.

    Raises `BuildError` where there is none, and where one uses the reference, a hidden check or
    anything else that must stay with the instructors.
    """
    public = [check for check in exercise.checks if not check.hidden]
    if not public:
        raise BuildError(
            f"{exercise.module_name}: {exercise.name} has no public check, so students would see "
            "nothing fail; declare one with `@exercise.law(points=…)`"
        )
    closure, names = public_closure(exercise)
    laws = render(
        replace(closure, imports=(*closure.imports, *_HEADER)),
        names,
        after_imports=("OK_FORMAT = False", f"name = {_quoted(exercise.name)}", "points = None"),
    )
    cases = "\n\n\n".join(_case(exercise, check) for check in public)
    return f"{laws}\n\n{cases}\n"


def public_closure(exercise: Exercise) -> tuple[Closure, dict[Home, str]]:
    """All that the public checks of an exercise consist of, and the names of the checks in it."""
    public = [check for check in exercise.checks if not check.hidden]
    private = _private_homes(exercise)
    for check in public:
        _refuse_private(exercise, check, closure_of(check.function, owner=exercise), private)
    names = {home_of(check.function): f"_{check.name}" for check in public}
    fixtures = {f for check in public for f in wanted_by(check.function, exercise).values()}
    wanted = sorted(fixtures, key=home_of)
    names |= {home_of(one): f"_fixture_{one.__name__}" for one in wanted}
    return closure_of(*(check.function for check in public), *wanted, owner=exercise), names


def _case(exercise: Exercise, check: Check) -> str:
    points = int(check.points) if check.points == int(check.points) else check.points
    function = exercise.name
    wanted = (f'"{n}": _fixture_{n}' for n in wanted_by(check.function, exercise))
    fixtures = f", fixtures={{{', '.join(wanted)}}}" if wanted_by(check.function, exercise) else ""
    return (
        f"@test_case(name={_quoted(check.title)}, points={points})\n"
        f"def {check.name}({function}):\n"
        f"    run_law(_{check.name}, {_quoted(function)}, {function}{fixtures})"
    )


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _private_homes(exercise: Exercise) -> dict[Home, str]:
    """What must not reach a student, and what it is."""
    private: dict[Home, str] = {}
    for known in {exercise, *exercises_of(exercise.module_name)}:
        private.update(_private_of(known))
    return private


def _private_of(exercise: Exercise) -> Iterator[tuple[Home, str]]:
    solutions = [(exercise.solution_function, "the reference solution")]
    solutions += [(wheat.function, f"the solution {wheat.name}") for wheat in exercise.wheats]
    for function, what in solutions:
        for definition in closure_of(function, owner=exercise).definitions:
            if definition.is_block:
                part = "" if home_of(function)[1] in definition.names else PART
                yield (definition.module, definition.names[0]), what + part
    for chaff in exercise.chaffs:
        yield home_of(chaff.function), f"the known-wrong solution {chaff.name}"
    for check in exercise.checks:
        if check.hidden:
            yield home_of(check.function), f"the hidden check {check.name}"


def _refuse_private(
    exercise: Exercise, check: Check, closure: Closure, private: dict[Home, str]
) -> None:
    reached = {
        name: private.get((module, name), "" if module else "another exercise's solution")
        for module, name in sorted(closure.homes)
    }
    found = [(name, what) for name, what in reached.items() if what]
    if found:
        name, what = min(found, key=lambda item: item[1].endswith(PART))
        raise BuildError(
            f"{exercise.module_name}: the public check {check.name} uses {name} "
            f"({what}), which students must not see; write the check without it"
        )
