"""A course module read as text: its imports, its definitions, and the names that each one uses."""

from __future__ import annotations

import ast
import importlib
import re
import symtable
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from autograder.authoring.exercise import Exercise
from autograder.authoring.fixture import fixture
from autograder.edition.errors import BuildError


@dataclass(frozen=True, slots=True)
class Import:
    """What one imported name stands for; `attribute` is None for `import module`."""

    module: str
    attribute: str | None
    bound_as: str

    @property
    def line(self) -> str:
        """The import as a statement of its own."""
        if self.attribute is None:
            bare = self.bound_as == self.module.split(".")[0]
            return f"import {self.module}" + ("" if bare else f" as {self.bound_as}")
        alias = "" if self.bound_as == self.attribute else f" as {self.bound_as}"
        return f"from {self.module} import {self.attribute}{alias}"


@dataclass(frozen=True, slots=True)
class Definition:
    """One top-level statement: its lines (without the course's decorators) and what it binds."""

    module: str
    names: tuple[str, ...]
    line: int
    text: str
    is_block: bool

    @property
    def uses(self) -> frozenset[str]:
        """The global names that the statement refers to, annotations included."""
        return global_names(self.text)

    def renamed(self, names: Mapping[str, str]) -> Definition:
        """The statement with global names replaced; `BuildError` where one is a local name too."""
        wanted = {
            old: new
            for old, new in names.items()
            if old != new and (old in self.names or old in self.uses)
        }
        if not wanted:
            return self
        for name in wanted:
            if _is_local_somewhere(self.text, name):
                raise BuildError(
                    f"{self.module}:{self.line}: {name!r} is a global and a local name in one "
                    "statement; rename the local one"
                )
        names_after = tuple(wanted.get(name, name) for name in self.names)
        return replace(self, names=names_after, text=_rename(self.text, wanted))


@dataclass(frozen=True, slots=True)
class CourseModule:
    """A module of the course, or a helper module beside it."""

    name: str
    path: Path
    imports: Mapping[str, tuple[Import, ...]]
    definitions: Mapping[str, tuple[Definition, ...]]
    has_future_annotations: bool


def read_module(name: str) -> CourseModule:
    """Read a module of the course; it is imported first, for its decorators are told by value."""
    module = importlib.import_module(name)
    if module.__file__ is None:
        raise BuildError(f"{name} has no source file; give the folder an __init__.py")
    path = Path(module.__file__)
    return _parsed(name, module.__package__ or "", path, path.read_text(encoding="utf-8"))


@cache
def _parsed(name: str, package: str, path: Path, source: str) -> CourseModule:
    """The module of this text; building one notebook asks for the same modules many times."""
    lines = source.splitlines()
    imports: dict[str, tuple[Import, ...]] = {}
    definitions: dict[str, tuple[Definition, ...]] = {}
    future = False
    for node in _statements(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and node.module == "__future__":
            future = True
        elif isinstance(node, ast.Import | ast.ImportFrom):
            for imported in _imported(node, package):
                imports[imported.bound_as] = (*imports.get(imported.bound_as, ()), imported)
        elif bound := _bound_names(node):
            text = _text(node, lines, name)
            block = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
            definition = Definition(name, bound, node.lineno, text, block)
            for one in bound:
                definitions[one] = (*definitions.get(one, ()), definition)
    return CourseModule(name, path, imports, definitions, future)


def exercises_of(module: str) -> tuple[Exercise, ...]:
    """The exercises that a module holds, its own or imported ones."""
    return tuple(v for v in vars(sys.modules[module]).values() if isinstance(v, Exercise))


def global_names(text: str) -> frozenset[str]:
    """The global names that a piece of source refers to, also in quoted annotations."""
    table = symtable.symtable(text, "<exercise>", "exec")
    used = {symbol.get_name() for symbol in table.get_symbols() if symbol.is_referenced()}
    for child in _tables(table.get_children()):
        used |= {s.get_name() for s in child.get_symbols() if s.is_global() and s.is_referenced()}
    for quoted in _quoted_annotations(ast.parse(text)):
        used |= {node.id for node in ast.walk(quoted) if isinstance(node, ast.Name)}
    return frozenset(used)


def is_course_decorator(decorator: ast.expr, module: str) -> bool:
    """Whether a decorator is `@exercise.…` for an exercise that the module knows, or `@fixture`."""
    root = decorator
    while isinstance(root, ast.Call | ast.Attribute):
        root = root.func if isinstance(root, ast.Call) else root.value
    known = getattr(sys.modules[module], root.id, None) if isinstance(root, ast.Name) else None
    return isinstance(known, Exercise) or known is fixture


def _statements(tree: ast.Module) -> Iterator[ast.stmt]:
    for node in tree.body:
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            yield from node.body
        else:
            yield node


def _imported(node: ast.Import | ast.ImportFrom, package: str) -> Iterator[Import]:
    if isinstance(node, ast.Import):
        for alias in node.names:
            yield Import(alias.name, None, alias.asname or alias.name.split(".")[0])
        return
    module = node.module or ""
    if node.level:
        parts = package.split(".")
        base = ".".join(parts[: len(parts) - node.level + 1])
        module = f"{base}.{module}" if module else base
    for alias in node.names:
        yield Import(module, alias.name, alias.asname or alias.name)


def _bound_names(node: ast.stmt) -> tuple[str, ...]:
    if isinstance(node, ast.Expr):
        return ()
    table = symtable.symtable(ast.unparse(node), "<exercise>", "exec")
    return tuple(s.get_name() for s in table.get_symbols() if s.is_assigned() or s.is_imported())


def _text(node: ast.stmt, lines: list[str], module: str) -> str:
    """The statement's whole lines, with the comment right above, without course decorators."""
    decorators: list[ast.expr] = getattr(node, "decorator_list", [])
    start = min([node.lineno, *(decorator.lineno for decorator in decorators)])
    dropped: set[int] = set()
    for decorator in decorators:
        if is_course_decorator(decorator, module):
            dropped.update(range(decorator.lineno, (decorator.end_lineno or 0) + 1))
    while start > 1 and lines[start - 2].startswith("#"):
        start -= 1
    end = node.end_lineno or node.lineno
    kept = [lines[number - 1] for number in range(start, end + 1) if number not in dropped]
    return "\n".join(kept)


def _tables(tables: Iterable[symtable.SymbolTable]) -> Iterator[symtable.SymbolTable]:
    for table in tables:
        yield table
        yield from _tables(table.get_children())


def _quoted_annotations(tree: ast.AST) -> Iterator[ast.AST]:
    for node in ast.walk(tree):
        for annotation in (getattr(node, "annotation", None), getattr(node, "returns", None)):
            for part in ast.walk(annotation) if isinstance(annotation, ast.AST) else ():
                if isinstance(part, ast.Constant) and isinstance(part.value, str):
                    try:
                        yield ast.parse(part.value, mode="eval")
                    except SyntaxError:
                        continue


def _is_local_somewhere(text: str, name: str) -> bool:
    table = symtable.symtable(text, "<exercise>", "exec")
    return any(
        name in child.get_identifiers() and child.lookup(name).is_local()
        for child in _tables(table.get_children())
    )


def _rename(text: str, names: Mapping[str, str]) -> str:
    """Replace global names in place, so that comments and layout stay."""
    lines = [line.encode() for line in text.split("\n")]
    for row, column, old in sorted(_occurrences(text, names), reverse=True):
        line, end = lines[row], column + len(old.encode())
        if line[column:end] != old.encode():
            return _rename_by_tree(text, names)
        lines[row] = line[:column] + names[old].encode() + line[end:]
    return b"\n".join(lines).decode()


def _occurrences(text: str, names: Mapping[str, str]) -> set[tuple[int, int, str]]:
    found: set[tuple[int, int, str]] = set()
    rows = text.split("\n")
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Name) and node.id in names:
            found.add((node.lineno - 1, node.col_offset, node.id))
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            start = re.match(r"\s*(async\s+)?(def|class)\s+", rows[node.lineno - 1])
            if start and node.col_offset == 0 and node.name in names:
                found.add((node.lineno - 1, start.end(), node.name))
    return found


class _Renamer(ast.NodeTransformer):
    def __init__(self, names: Mapping[str, str]) -> None:
        self.names = names

    def visit_Name(self, node: ast.Name) -> ast.Name:
        node.id = self.names.get(node.id, node.id)
        return node


def _rename_by_tree(text: str, names: Mapping[str, str]) -> str:
    """For names inside f-strings, whose places Python 3.11 does not tell: comments are lost."""
    tree = _Renamer(names).visit(ast.parse(text))
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            node.name = names.get(node.name, node.name)
    return ast.unparse(tree)
