"""What of a cell still runs after one of its statements has failed.

Jupyter stops a cell at the first exception, and a line that only fails in the grader (a package
that is not installed, a login) would take every import below it along. Here the statements that
follow run too, unless they read a name that the failed one should have bound. Nothing runs twice.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import Any

# Runs one statement, and gives back the exception that it raised.
Execute = Callable[[ast.stmt], Awaitable[BaseException | None]]

MAX_REASON = 120  # characters of an exception's message
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_DEFINITIONS = (*_FUNCTIONS, ast.ClassDef, ast.Import, ast.ImportFrom)
_ASSIGNMENTS = (ast.Assign, ast.AnnAssign, ast.AugAssign)
_LEFT_OUT = (ast.For, ast.AsyncFor, ast.While, ast.Raise)
_BOUND = re.compile(
    r"^[ \t]*(?:(?:async[ \t]+)?def[ \t]+(\w+)|class[ \t]+(\w+)|"
    r".*\bimport\b.*\bas[ \t]+(\w+)|import[ \t]+(\w+)|(\w+)[ \t]*=[^=])",
    re.MULTILINE,
)


class Remainder:
    """Runs the statements of one cell; what fails is noted, what depends on it is left out.

    `lost` maps names to the reason why they are not defined; it is kept from cell to cell.
    `stand_in` may run a failed import with stand-ins: true where that helped. Of the exceptions
    the first is kept in `error`.
    """

    def __init__(
        self,
        execute: Execute,
        *,
        names: Mapping[str, Any],
        lost: dict[str, str],
        note: Callable[[str], None],
        stand_in: Callable[[ast.stmt], bool],
        first_line: int = 1,
    ) -> None:
        self.error: BaseException | None = None
        self._execute = execute
        self._names = names
        self._lost = lost
        self._note = note
        self._stand_in = stand_in
        self._before = first_line - 1
        self._tainted: dict[str, str] = {}
        self._only_definitions = False

    async def run(self, statements: list[ast.stmt]) -> None:
        """Run statements in order; only what asks the cell to end (`SystemExit`) ends it."""
        for statement in statements:
            if self.error is not None:
                if not self._is_wanted(statement):
                    continue
                if reason := self._missing(statement):
                    self._lose(statement, reason)
                    continue
            if not await self._run_one(self._without_lost(statement)):
                return

    async def _run_one(self, statement: ast.stmt) -> bool:
        """Run a statement; false where the cell ends with it."""
        error = await self._execute(statement)
        if error is None:
            self._bind(statement)
            return True
        if not isinstance(error, Exception):
            self.error = self.error or error
            return False
        if isinstance(statement, ast.Import | ast.ImportFrom):
            if self._stand_in(statement):
                self._bind(statement)
                return True
            if len(statement.names) > 1:
                return await self._one_by_one(statement)
        inner = _after(statement, _line_within(error, statement))
        if inner is not None:
            failed, rest = inner
            repeated = isinstance(failed, ast.Import | ast.ImportFrom)
            if repeated:
                if not await self._run_one(failed):
                    return False
            else:
                self._failed(failed, error)
            await self.run(rest)
            return True
        self._failed(statement, error)
        return True

    async def _one_by_one(self, statement: ast.Import | ast.ImportFrom) -> bool:
        """Import each name of a failed import by itself: the others are there."""
        for name in statement.names:
            if isinstance(statement, ast.Import):
                part: ast.stmt = ast.Import(names=[name])
            else:
                part = ast.ImportFrom(statement.module, [name], statement.level)
            if not await self._run_one(ast.copy_location(part, statement)):
                return False
        return True

    def _failed(self, statement: ast.stmt, error: Exception) -> None:
        self.error = self.error or error
        line = statement.lineno - self._before
        reason = f"line {line} of its cell failed ({_said(error)})"
        self._note(f"line {line} failed ({_said(error)}): the rest of the cell was run without it")
        self._lose(statement, reason)
        self._only_definitions |= isinstance(statement, ast.Raise)

    def _lose(self, statement: ast.stmt, reason: str) -> None:
        for name in bound_by(statement):
            self._tainted[name] = reason
            self._lost[name] = reason

    def _bind(self, statement: ast.stmt) -> None:
        for name in bound_by(statement):
            self._tainted.pop(name, None)
            self._lost.pop(name, None)
        if isinstance(statement, (*_FUNCTIONS, ast.ClassDef)):
            inside = {part.id for part in ast.walk(statement) if isinstance(part, ast.Name)}
            if reason := next((self._tainted[name] for name in inside & set(self._tainted)), ""):
                self._tainted[statement.name] = reason

    def _is_wanted(self, statement: ast.stmt) -> bool:
        if isinstance(statement, (*_DEFINITIONS, *_ASSIGNMENTS)):
            return True
        return not self._only_definitions and not isinstance(statement, _LEFT_OUT)

    def _missing(self, statement: ast.stmt) -> str:
        """Why a statement cannot run: it reads at once what was lost in this cell; else empty."""
        reads = read_by(self._without_lost(statement))
        return next((self._tainted[name] for name in reads if name in self._tainted), "")

    def _without_lost(self, statement: ast.stmt) -> ast.stmt:
        """A definition without decorators and annotations that name what was lost."""
        gone = {*self._tainted, *(name for name in self._lost if name not in self._names)}
        if not gone or not isinstance(statement, (*_FUNCTIONS, ast.ClassDef)):
            return statement
        changed: ast.stmt = _Stripped(gone).visit(statement)
        return changed


class _Stripped(ast.NodeTransformer):
    """Takes out the decorators and annotations that name what is not there."""

    def __init__(self, gone: set[str]) -> None:
        self._gone = gone

    def _names_lost(self, part: ast.AST | None) -> bool:
        if part is None:
            return False
        return any(isinstance(x, ast.Name) and x.id in self._gone for x in ast.walk(part))

    def visit_arg(self, node: ast.arg) -> ast.arg:
        if self._names_lost(node.annotation):
            node.annotation = None
        return node

    def visit_FunctionDef(self, node: Any) -> Any:
        node.decorator_list = [d for d in node.decorator_list if not self._names_lost(d)]
        if self._names_lost(node.returns):
            node.returns = None
        return self.generic_visit(node)

    visit_AsyncFunctionDef = visit_FunctionDef  # noqa: N815 - the name that ast looks for

    def visit_ClassDef(self, node: ast.ClassDef) -> Any:
        node.decorator_list = [d for d in node.decorator_list if not self._names_lost(d)]
        return self.generic_visit(node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> Any:
        if self._names_lost(node.annotation):
            node.annotation = ast.copy_location(ast.Constant(None), node.annotation)
        return self.generic_visit(node)


def bound_by(statement: ast.stmt) -> set[str]:
    """The names that a statement binds in its own namespace."""
    names: set[str] = set()
    for part in _at_once(statement):
        if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store):
            names.add(part.id)
        elif isinstance(part, (*_FUNCTIONS, ast.ClassDef)):
            names.add(part.name)
        elif isinstance(part, ast.alias):
            names.add(part.asname or part.name.partition(".")[0])
        elif isinstance(part, ast.ExceptHandler | ast.MatchAs | ast.MatchStar) and part.name:
            names.add(part.name)
    return names


def read_by(statement: ast.stmt) -> set[str]:
    """The names that a statement reads when it runs, not when what it defines is called."""
    names = {
        part.id
        for part in _at_once(statement)
        if isinstance(part, ast.Name) and not isinstance(part.ctx, ast.Store)
    }
    if isinstance(statement, ast.AugAssign) and isinstance(statement.target, ast.Name):
        names.add(statement.target.id)
    return names


def bound_in_text(source: str) -> set[str]:
    """The names that a cell which is no Python seems to bind."""
    return {name for found in _BOUND.findall(source) for name in found if name}


def _at_once(node: ast.AST) -> Iterator[ast.AST]:
    """A statement and its parts, without the bodies of functions."""
    yield node
    for field, value in ast.iter_fields(node):
        if field == "body" and isinstance(node, (*_FUNCTIONS, ast.Lambda)):
            continue
        for part in value if isinstance(value, list) else [value]:
            if isinstance(part, ast.AST):
                yield from _at_once(part)


def _line_within(error: BaseException, statement: ast.stmt) -> int:
    """The line of the statement at which the exception came out of it; 0 where unknown."""
    trace, end = error.__traceback__, statement.end_lineno or statement.lineno
    while trace is not None:
        at_top = trace.tb_frame.f_code.co_name == "<module>"
        if at_top and statement.lineno <= trace.tb_lineno <= end:
            return trace.tb_lineno
        trace = trace.tb_next
    return 0


def _after(statement: ast.stmt, line: int) -> tuple[ast.stmt, list[ast.stmt]] | None:
    """Of an `if`, `with` or `try`: the inner statement at a line, and those of its block below."""
    if not line or not isinstance(statement, ast.If | ast.With | ast.Try | ast.TryStar):
        return None
    blocks = [statement.body]
    if isinstance(statement, ast.If):
        blocks.append(statement.orelse)
    elif isinstance(statement, ast.Try | ast.TryStar):
        blocks += [handler.body for handler in statement.handlers]
        blocks += [statement.orelse, statement.finalbody]
    for block in blocks:
        for position, inner in enumerate(block):
            if inner.lineno <= line <= (inner.end_lineno or inner.lineno):
                rest = block[position + 1 :]
                deeper = _after(inner, line)
                return (deeper[0], [*deeper[1], *rest]) if deeper else (inner, rest)
    return None


def _said(error: BaseException) -> str:
    try:
        message = " ".join(str(error).split())[:MAX_REASON]
    except Exception:
        message = ""
    return f"{type(error).__name__}: {message}" if message else type(error).__name__
