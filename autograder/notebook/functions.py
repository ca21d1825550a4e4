"""A submission's code of each function that an exercise asks for, with the helpers that it names.

Nothing is run: cells are parsed, in the disposable process that will run them.
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterable, Iterator, Sequence

from autograder.notebook.claims import parsed, statements_below

MAX_CODE = 1_000_000  # characters that are parsed of one submission
MOST_HELPERS = 20  # definitions beside the function itself

Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Assign | ast.AnnAssign


def function_sources(
    cells: Iterable[str], wanted: Collection[str], beside: Iterable[str] = ()
) -> dict[str, str]:
    """The source of each wanted function, followed by the student's own definitions that it names.

    Of several definitions the last one counts, as when the cells run. `beside` are modules that
    came with the cells: they are looked into for what the cells do not define. Functions that are
    defined nowhere are left out.
    """
    known: dict[str, tuple[str, ast.stmt]] = {}
    left = MAX_CODE
    for texts, is_main in ((beside, False), (cells, True)):
        for cell in texts:
            left -= len(cell)
            read = parsed(cell) if left >= 0 else None
            for part in _definitions(read[1]) if read else ():
                for name in _names(part):
                    if is_main or name not in known:
                        known[name] = (read[0], part) if read else ("", part)
    return {
        name: "\n\n\n".join(_source(*known[one]) for one in [name, *_helpers(name, known, wanted)])
        for name in wanted
        if name in known
    }


def _definitions(body: Sequence[ast.stmt]) -> Iterator[Definition]:
    """What statements at the top level define, also under a condition or in a `try`."""
    for part in body:
        if isinstance(part, Definition):
            yield part
        else:
            yield from _definitions(list(statements_below(part)))


def _names(part: Definition) -> list[str]:
    if isinstance(part, ast.Assign | ast.AnnAssign):
        targets = part.targets if isinstance(part, ast.Assign) else [part.target]
        return [target.id for target in targets if isinstance(target, ast.Name)]
    return [part.name]


def _helpers(
    name: str, known: dict[str, tuple[str, ast.stmt]], wanted: Collection[str]
) -> list[str]:
    """The definitions that one names, and those that these name, in the order of the naming."""
    found: list[str] = []
    waiting = [name]
    while waiting and len(found) < MOST_HELPERS:
        used = (
            node.id
            for node in ast.walk(known[waiting.pop(0)][1])
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)
        )
        for one in dict.fromkeys(used):
            if one in known and one not in wanted and one not in found:
                found.append(one)
                waiting.append(one)
    return found[:MOST_HELPERS]


def _source(text: str, part: ast.stmt) -> str:
    """The lines of a definition as they were written, with its decorators and comments."""
    first = min([part.lineno, *(one.lineno for one in getattr(part, "decorator_list", []))])
    lines = text.splitlines()[first - 1 : part.end_lineno]
    indent = min((len(line) - len(line.lstrip()) for line in lines[:1]), default=0)
    return "\n".join(line[indent:] if not line[:indent].strip() else line for line in lines)
