"""Standalone source of course functions: solutions, stubs, and what public checks consist of."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from autograder.authoring.exercise import Exercise
from autograder.courses import OURS
from autograder.edition.closure import (
    Closure,
    Home,
    closure_of,
    definition_of,
    home_of,
)
from autograder.edition.errors import BuildError
from autograder.edition.modules import Definition, Import

LAST = ("moelab_kit", *OURS)  # of the imports: what students have besides libraries
FUTURE = "from __future__ import annotations"


def solution_source(exercise: Exercise, function: Callable[..., Any]) -> str:
    """Source that defines `function` (a reference, wheat or chaff) under the exercise's name.

    Helpers get the exercise's name where another exercise has others of the same name, so that the
    solutions of a whole assignment fit into one notebook. Raises `BuildError` where the function
    needs something that students do not have.
    """
    closure = closure_of(function, owner=exercise)
    names = {
        home: f"{home[1]}_{exercise.name}"
        for home in closure.homes
        if home[0] and home[1] != exercise.name and _is_taken_elsewhere(home, exercise)
    }
    return render(closure, names | {home_of(function): exercise.name})


def stub_source(exercise: Exercise) -> str:
    """What students start from: imports, signature, docstring, `raise NotImplementedError`."""
    function = exercise.solution_function
    module, name = home_of(function)
    stub = _stub_of(definition_of(function), exercise)
    closure = closure_of(function, owner=exercise, instead=stub)
    closure = replace(closure, has_future_annotations=False)
    return render(closure, {(module, name): exercise.name})


def script(sources: Iterable[str]) -> str:
    """Several sources as one script: `from __future__` imports may only stand at the top."""
    parts = list(sources)
    bodies = [part.removeprefix(FUTURE).strip() for part in parts]
    head = [FUTURE] if any(part.startswith(FUTURE) for part in parts) else []
    return "\n\n\n".join([*head, *bodies]) + "\n"


def render(
    closure: Closure,
    names: Mapping[Home, str],
    *,
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
    lines = [*head, *import_lines(closure.imports)]
    text = "\n".join([*lines, "", *after_imports]).strip()
    for previous, block in zip([None, *blocks], blocks, strict=False):
        text += (_gap(previous, block) if text else "") + block.text
    return text.strip() + "\n"


def _gap(previous: Definition | None, block: Definition) -> str:
    """The blank lines between two statements; the first one follows the imports."""
    if block.is_block or (previous is not None and previous.is_block):
        return "\n\n\n"
    return "\n\n" if previous is None else "\n"


def _is_taken_elsewhere(home: Home, exercise: Exercise) -> bool:
    """Whether another exercise of the assignment has something else under the same name."""
    module, name = home
    package, own = exercise.module_name.split(".")[:2], exercise.module_name.split(".")[:3]
    value = getattr(sys.modules[module], name, None)
    for other, loaded in list(sys.modules.items()):
        parts = other.split(".")
        if parts[:2] == package and parts[:3] != own and other != module:
            found = vars(loaded).get(name, value)
            same = found is value or (isinstance(value, int | float | str) and found == value)
            if not same:
                return True
    return False


def import_lines(imports: Iterable[Import]) -> list[str]:
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
            name = one.line.split(" import ", 1)[1]
            group.setdefault(f"from {one.module} import", []).append(name)
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
    if top in LAST:
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
