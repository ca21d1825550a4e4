"""Students' code as it is compared: functions cut out of files, without what says nothing.

Parsing is left to a process with limits, for many texts at once; a text that breaks it costs the
others nothing.
"""

from __future__ import annotations

import ast
import base64
import json
from collections.abc import Callable, Collection, Sequence
from typing import Any

from autograder.notebook.functions import function_sources
from autograder.notebook.reading import Unreadable, read_submission
from autograder.submission.limited_process import ask

AT_ONCE = 50  # texts for one process
MAX_FILE = 8 * 1024 * 1024  # bytes of one file that is looked into


def functions_of(
    files: Sequence[tuple[str, bytes]], wanted: Collection[str] = ()
) -> list[dict[str, str]]:
    """The functions of each file, by name; of all names where none are `wanted`.

    A file is its name and bytes. One that cannot be read has no functions.
    """
    packed = [
        [name, base64.b64encode(data[:MAX_FILE]).decode("ascii"), sorted(wanted)]
        for name, data in files
    ]
    return [one if isinstance(one, dict) else {} for one in _asked(functions_as_json, packed)]


def bare_codes(sources: Sequence[str]) -> list[str]:
    """Each code without docstrings, comments, annotations, signature and what a stub consists of.

    That is the body of the first function, then whole helpers; "" where nothing is left, or where
    the text is no Python.
    """
    return [
        one if isinstance(one, str) else "" for one in _asked(bare_codes_as_json, list(sources))
    ]


def functions_as_json(data: bytes) -> list[dict[str, str]]:
    """What `functions_of` runs in another process."""
    return [_functions(name, text, wanted) for name, text, wanted in json.loads(data)]


def bare_codes_as_json(data: bytes) -> list[str]:
    """What `bare_codes` runs in another process."""
    return [_bare(source) for source in json.loads(data)]


def _asked(function: Callable[[bytes], list[Any]], texts: list[Any]) -> list[Any]:
    found: list[Any] = []
    for start in range(0, len(texts), AT_ONCE):
        some = texts[start : start + AT_ONCE]
        answer = _answer(function, some)
        if answer is None:  # one of them broke the process: each for itself
            answer = [(_answer(function, [one]) or [None])[0] for one in some]
        found += answer
    return found


def _answer(function: Callable[[bytes], list[Any]], texts: list[Any]) -> list[Any] | None:
    answer = ask(function, json.dumps(texts).encode("utf-8"))
    return answer if isinstance(answer, list) and len(answer) == len(texts) else None


def _functions(name: str, text: str, wanted: list[str]) -> dict[str, str]:
    try:
        source = read_submission(base64.b64decode(text), name, wanted=wanted)
    except Unreadable:
        return {}
    beside = [data.decode("utf-8", "replace") for path, data in source.companions if _is_py(path)]
    names = wanted or _defined([*source.cells, *beside])
    return function_sources(source.cells, names, beside)


def _is_py(path: str) -> bool:
    return path.lower().endswith(".py")


def _defined(cells: Sequence[str]) -> list[str]:
    """The functions that cells define at the top level."""
    found: dict[str, None] = {}
    for cell in cells:
        try:
            body = ast.parse(cell).body
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            continue
        found |= dict.fromkeys(
            part.name for part in body if isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef)
        )
    return list(found)


class _Bare(ast.NodeTransformer):
    """Takes away what an exercise gives or what tells nothing: docstrings, annotations, stubs."""

    def visit_Expr(self, node: ast.Expr) -> ast.AST | None:
        return None if isinstance(node.value, ast.Constant) else self.generic_visit(node)

    def visit_Raise(self, node: ast.Raise) -> ast.AST | None:
        raised = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
        is_stub = isinstance(raised, ast.Name) and raised.id == "NotImplementedError"
        return None if is_stub else self.generic_visit(node)

    def visit_Pass(self, node: ast.Pass) -> None:
        return None

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST | None:
        if node.value is None:
            return None
        made = ast.Assign(targets=[node.target], value=node.value)
        return self.generic_visit(ast.copy_location(made, node))

    def visit_arg(self, node: ast.arg) -> ast.AST:
        node.annotation = None
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        node.returns = None
        return self.generic_visit(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.AST:
        node.returns = None
        return self.generic_visit(node)


def _bare(source: str) -> str:
    try:
        body = _Bare().visit(ast.parse(source)).body
        first, *helpers = body or [None]
        is_function = isinstance(first, ast.FunctionDef | ast.AsyncFunctionDef)
        parts = [*(first.body if is_function else [first] if first else []), *helpers]
        return "\n".join(_unparsed(part) for part in parts)
    except (SyntaxError, ValueError, RecursionError, MemoryError, AttributeError):
        return ""


def _unparsed(part: ast.stmt) -> str:
    """A statement as text; blocks that were emptied get a `pass`."""
    for node in ast.walk(part):
        body = getattr(node, "body", None)
        if isinstance(body, list) and not body:
            body.append(ast.Pass())
    return ast.unparse(ast.fix_missing_locations(part))
