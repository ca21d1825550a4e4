"""Standalone source of a course function: itself, and every helper, constant and import it needs.

Helpers are followed through the course's modules. Another exercise's solution is not: it is
expected to exist where the source ends up. `autograder.lab` becomes `moe_lab`.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from graphlib import CycleError, TopologicalSorter
from types import ModuleType
from typing import Any

import autograder.lab
from autograder.authoring.exercise import Exercise
from autograder.build.errors import BuildError
from autograder.build.modules import (
    CourseModule,
    Definition,
    Import,
    exercises_of,
    read_module,
)

Home = tuple[str, str]  # a module and the name that something is defined by there

STUDENT_LAB = "moe_lab"
ENGINE = "autograder"
LAB = "autograder.lab"
FUTURE = "from __future__ import annotations"


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


def solution_source(
    exercise: Exercise, function: Callable[..., Any], lab: str = STUDENT_LAB
) -> str:
    """Source that defines `function` (a reference, wheat or chaff) under the exercise's name.

    `lab` is the package that `autograder.lab` is called where the source will run. Raises
    `BuildError` where the function needs something that students do not have.
    """
    closure = closure_of(function, owner=exercise)
    return render(closure, {home_of(function): exercise.name}, lab=lab)


def stub_source(exercise: Exercise, lab: str = STUDENT_LAB) -> str:
    """What students start from: imports, signature, docstring, `raise NotImplementedError`."""
    function = exercise.solution_function
    module, name = home_of(function)
    stub = _stub_of(definition_of(function), exercise)
    closure = closure_of(function, owner=exercise, instead=stub)
    closure = replace(closure, has_future_annotations=False)
    return render(closure, {(module, name): exercise.name}, lab=lab)


def script(sources: Iterable[str]) -> str:
    """Several sources as one script: `from __future__` imports may only stand at the top."""
    parts = list(sources)
    bodies = [part.removeprefix(FUTURE).strip() for part in parts]
    head = [FUTURE] if any(part.startswith(FUTURE) for part in parts) else []
    return "\n\n\n".join([*head, *bodies]) + "\n"


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


def render(
    closure: Closure,
    names: Mapping[Home, str],
    *,
    lab: str = STUDENT_LAB,
    after_imports: tuple[str, ...] = (),
) -> str:
    """Write a closure down; `names` fixes what some definitions are called.

    `after_imports` are further lines between the imports and the definitions.
    """
    final = _final_names(closure, names)
    renames: dict[str, dict[str, str]] = {d.module: {} for d in closure.definitions}
    for (module, name), home in closure.links.items():
        renames[module][name] = final[home]
    blocks = [
        d.renamed(renames[d.module] | {name: final[d.module, name] for name in d.names})
        for d in closure.definitions
    ]
    head = [FUTURE, ""] if closure.has_future_annotations else []
    lines = [*head, *import_lines(closure.imports, lab)]
    text = "\n".join([*lines, "", *after_imports]).strip()
    for previous, block in zip([None, *blocks], blocks, strict=False):
        text += (_gap(previous, block) if text else "") + block.text
    return text.strip() + "\n"


def _gap(previous: Definition | None, block: Definition) -> str:
    """The blank lines between two statements; the first one follows the imports."""
    if block.is_block or (previous is not None and previous.is_block):
        return "\n\n\n"
    return "\n\n" if previous is None else "\n"


def import_lines(imports: Iterable[Import], lab: str) -> list[str]:
    """Import statements in the usual order: standard library, others, the lab."""
    bound: dict[str, Import] = {}
    groups: dict[int, dict[str, list[str]]] = {0: {}, 1: {}, 2: {}}
    for one in imports:
        before = bound.setdefault(one.bound_as, one)
        if before.line != one.line and (before.attribute or one.attribute):
            raise BuildError(f"`{before.line}` and `{one.line}` bind the same name; rename one")
        group = groups[_group(one.module)]
        if one.attribute is None:
            group.setdefault(one.line, [])
        else:
            module = re.sub(rf"^{re.escape(LAB)}\b", lab, one.module)
            name = one.line.split(" import ", 1)[1]
            group.setdefault(f"from {module} import", []).append(name)
    lines: list[str] = []
    for group in groups.values():
        if group and lines:
            lines.append("")
        lines += [_import_statement(head, group[head]) for head in _in_order(group)]
    return lines


def _in_order(group: dict[str, list[str]]) -> list[str]:
    return sorted(group, key=lambda head: (head.startswith("from"), head))


def _import_statement(head: str, names: list[str]) -> str:
    line = f"{head} {', '.join(sorted(set(names)))}".strip()
    if len(line) <= 88:
        return line
    return f"{head} (\n" + "".join(f"    {name},\n" for name in sorted(set(names))) + ")"


def _group(module: str) -> int:
    top = module.split(".")[0]
    if top == ENGINE:
        return 2
    return 0 if top in sys.stdlib_module_names else 1


def _final_names(closure: Closure, fixed: Mapping[Home, str]) -> dict[Home, str]:
    """What each definition is called in the result: its own name unless that is taken."""
    final = {home: home[1] for home in closure.links.values() if not home[0]}
    final.update(fixed)
    taken = {i.bound_as for i in closure.imports} | set(final.values())
    words = {word for d in closure.definitions for word in re.findall(r"\w+", d.text)}
    for definition in closure.definitions:
        for name in definition.names:
            if (definition.module, name) in final:
                continue
            free = name
            while free in taken or (free != name and free in words):
                free = f"_{free}"
            taken.add(free)
            final[definition.module, name] = free
    return final


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
        if top != ENGINE:
            self.imports.add(imported)
        elif self.for_students:
            self.imports.add(self._from_lab(module, imported))
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

    def _from_lab(self, module: CourseModule, imported: Import) -> Import:
        if re.match(rf"{re.escape(LAB)}\b", imported.module) and imported.attribute:
            return imported
        if imported.attribute in autograder.lab.__all__:
            return replace(imported, module=LAB)
        raise BuildError(
            f"{module.path}: `{imported.line}` is used by code for students, who have only what "
            f"`from {LAB} import …` gives"
        )


def _is_solution_of_another(value: Any, owner: Exercise) -> bool:
    home = getattr(value, "__module__", None)
    if not callable(value) or home not in sys.modules:
        return False
    return any(e.reference is value and e is not owner for e in exercises_of(home))


def _stub_of(definition: Definition, exercise: Exercise) -> Definition:
    """Cut a reference down to its signature and docstring."""
    tree = ast.parse(definition.text)
    function = tree.body[0]
    where = f"{definition.module}:{definition.line}: {exercise.name}"
    if not isinstance(function, ast.FunctionDef):
        raise BuildError(f"{where} must be a plain `def`")
    docstring = function.body[0]
    if ast.get_docstring(function) is None or docstring.lineno == function.lineno:
        raise BuildError(
            f"{where} needs a docstring on lines of its own: it is what students see in the stub"
        )
    lines = definition.text.split("\n")[function.lineno - 1 : docstring.end_lineno]
    indent = " " * docstring.col_offset
    text = "\n".join([*lines, f"{indent}raise NotImplementedError"])
    return replace(definition, text=text)
