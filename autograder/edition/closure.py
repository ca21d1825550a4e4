"""What a course function needs: every helper, constant and import that it reaches.

Helpers are followed through the course's modules. Another exercise's solution is not: it is
expected to exist where the code ends up.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from graphlib import CycleError, TopologicalSorter
from types import ModuleType
from typing import Any

import moelab_kit
from autograder.authoring.exercise import Exercise
from autograder.courses import OURS, packages_for
from autograder.edition.errors import BuildError
from autograder.edition.modules import (
    CourseModule,
    Definition,
    Import,
    exercises_of,
    read_module,
)

Home = tuple[str, str]  # a module and the name that something is defined by there

ENGINE = "autograder"


@dataclass(frozen=True, slots=True)
class Closure:
    """A function with everything it needs, ready to be written down.

    `links` tells, for each name used in a module, where it is defined; an empty module stands for
    another exercise's solution, which is expected to exist already.
    """

    imports: tuple[Import, ...]
    definitions: tuple[Definition, ...]
    links: Mapping[Home, Home]
    has_future_annotations: bool

    @property
    def homes(self) -> frozenset[Home]:
        """Every definition, and every solution of another exercise that is used."""
        used = {home for home in self.links.values() if not home[0]}
        return frozenset({(d.module, name) for d in self.definitions for name in d.names} | used)


def home_of(function: Callable[..., Any]) -> Home:
    """The module and the name under which a course function is defined."""
    return function.__module__, function.__name__


def definition_of(function: Callable[..., Any]) -> Definition:
    """The `def` of a course function; `BuildError` where it has none at the top of a module."""
    module, name = home_of(function)
    found = read_module(module).definitions.get(name, ())
    if not found or not found[-1].is_block:
        raise BuildError(f"{module}: {name!r} is not defined by a `def` at the top of the module")
    return found[-1]


def closure_of(
    *functions: Callable[..., Any],
    owner: Exercise,
    instead: Definition | None = None,
    for_students: bool = True,
) -> Closure:
    """Everything that some functions reach; `instead` replaces the first one's definition.

    Raises `BuildError` where they need what students do not have, unless not `for_students`.
    """
    walk = _Walk(owner, for_students)
    definitions = [definition_of(function) for function in functions]
    for definition in [instead, *definitions[1:]] if instead else definitions:
        walk.visit(walk.module(definition.module), definition)
    order = _module_order(walk)
    return Closure(
        imports=tuple(sorted(walk.imports, key=lambda i: (i.module, i.attribute or ""))),
        definitions=tuple(sorted(walk.definitions, key=lambda d: (order[d.module], d.line))),
        links=walk.links,
        has_future_annotations=any(walk.module(name).has_future_annotations for name in order),
    )


def _module_order(walk: _Walk) -> dict[str, int]:
    """Modules that others build on come first."""
    needs: dict[str, set[str]] = {d.module: set() for d in walk.definitions}
    for (module, _), (home, _) in walk.links.items():
        if home and home != module:
            needs[module].add(home)
    try:
        order = list(TopologicalSorter(needs).static_order())
    except CycleError:
        order = sorted(needs)
    return {module: place for place, module in enumerate(order)}


@dataclass
class _Walk:
    """The state of one walk through the modules that a function reaches."""

    owner: Exercise
    for_students: bool
    definitions: list[Definition] = field(default_factory=list)
    imports: set[Import] = field(default_factory=set)
    links: dict[Home, Home] = field(default_factory=dict)
    _modules: dict[str, CourseModule] = field(default_factory=dict)

    def module(self, name: str) -> CourseModule:
        if name not in self._modules:
            self._modules[name] = read_module(name)
        return self._modules[name]

    def visit(self, module: CourseModule, definition: Definition) -> None:
        if any(definition.line == d.line for d in self.definitions if d.module == module.name):
            return
        self.definitions.append(definition)
        for name in sorted(definition.uses - set(definition.names)):
            home = self._follow(module, name)
            if home is not None:
                self.links[module.name, name] = home

    def _follow(self, module: CourseModule, name: str) -> Home | None:
        """Take in what a name stands for; its home, unless it is a library's or built in."""
        if name in module.definitions:
            for definition in module.definitions[name]:
                self.visit(module, definition)
            return module.name, name
        home = None
        for imported in module.imports.get(name, ()):
            home = self._follow_import(module, imported)
        return home

    def _follow_import(self, module: CourseModule, imported: Import) -> Home | None:
        top = imported.module.split(".")[0]
        if top == self.owner.module_name.split(".")[0]:
            return self._follow_course(module, imported)
        if top in OURS and self.for_students and top not in packages_for(self.owner.module_name):
            raise BuildError(
                f"{module.path}: `{imported.line}` is used by code for students, and the course's "
                f"`packages` do not name {top}; add it there, or do without"
            )
        if top != ENGINE:
            self.imports.add(imported)
        elif self.for_students:
            self.imports.add(self._from_kit(module, imported))
        return None

    def _follow_course(self, module: CourseModule, imported: Import) -> Home | None:
        name = imported.attribute
        found = getattr(sys.modules.get(imported.module), name or "", None)
        if name is None or isinstance(found, ModuleType):
            raise BuildError(
                f"{module.path}: write `from … import name` instead of `{imported.line}`, "
                "so that the build can follow it"
            )
        if _is_solution_of_another(found, self.owner):
            return "", name
        source = self.module(imported.module)
        if name not in source.definitions and name not in source.imports:
            raise BuildError(f"{module.path}: `{imported.line}`: no such name in {source.path}")
        return self._follow(source, name)

    def _from_kit(self, module: CourseModule, imported: Import) -> Import:
        if imported.attribute in moelab_kit.__all__:
            return replace(imported, module=moelab_kit.__name__)
        raise BuildError(
            f"{module.path}: `{imported.line}` is used by code for students, who have only what "
            "`moelab_kit` and the course's `packages` give"
        )


def _is_solution_of_another(value: Any, owner: Exercise) -> bool:
    home = getattr(value, "__module__", None)
    if not callable(value) or home not in sys.modules:
        return False
    return any(e.reference is value and e is not owner for e in exercises_of(home))
