"""Making the mutants of a reference: one small change each, none of them twice."""

from __future__ import annotations

import ast
import difflib
import hashlib
import sys
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import CodeType
from typing import Any

from autograder.authoring.exercise import Exercise
from autograder.edition.closure import closure_of
from autograder.edition.modules import read_module


class MutantsMissing(Exception):  # noqa: N818 - a fact about the installation
    """The tools that make mutants are not installed; the message says how to install them."""


@dataclass(frozen=True)
class Original:
    """What is mutated of an exercise: its reference and the helpers in the same module.

    `text` has the lines of the module's file in their places; all other lines are empty.
    """

    exercise: Exercise
    path: Path
    text: str

    @classmethod
    def of(cls, exercise: Exercise) -> Original:
        """The reference of an exercise. `BuildError` where it is not at the top of a module."""
        closure = closure_of(exercise.solution_function, owner=exercise, for_students=False)
        lines: dict[int, str] = {}
        for definition in closure.definitions:
            if definition.module == exercise.module_name:
                first = definition.line - ast.parse(definition.text).body[0].lineno
                rows = enumerate(definition.text.split("\n"), start=1)
                lines |= {first + row: line for row, line in rows}
        text = "\n".join(lines.get(row, "") for row in range(1, max(lines) + 1)) + "\n"
        return cls(exercise, read_module(exercise.module_name).path, text)

    @cached_property
    def plain(self) -> str:
        """The text without what no check can see."""
        return _plain(self.text)

    def function(self, text: str) -> Callable[..., Any]:
        """The exercise's function as a text defines it, with everything else as in its module."""
        module = sys.modules[self.exercise.module_name]
        namespace = dict(vars(module))
        flags = _future_annotations() if "annotations" in vars(module) else 0
        exec(compile(text, str(self.path), "exec", flags), namespace)  # noqa: S102 (a mutant)
        made: Callable[..., Any] = namespace[self.exercise.name]
        return made


@dataclass(frozen=True, slots=True)
class Mutant:
    """A reference with one change. `tool` is who made it."""

    exercise: str
    tool: str
    text: str
    line: int
    was: str
    becomes: str

    @property
    def digest(self) -> str:
        """What the mutant is, in 12 characters, wherever it stands in its file."""
        return hashlib.sha256(f"{self.exercise}\0{_plain(self.text)}".encode()).hexdigest()[:12]


def mutants_of(original: Original) -> Iterator[Mutant]:
    """Every mutant of a reference, in the order of lines.

    Those with an equal syntax tree or equal bytecode are one, and one that equals the reference is
    none. The words of an exception, docstrings and annotations are not told apart: no check reads
    them. Raises `MutantsMissing`.
    """
    seen = {original.plain, _bytecode(original.plain)}
    found = []
    for tool, text in _texts(original.text):
        try:
            with warnings.catch_warnings(action="ignore"):
                plain = _plain(text)
                compiled = _bytecode(plain)
        except (SyntaxError, ValueError):
            continue
        if plain not in seen and compiled not in seen:
            seen |= {plain, compiled}
            line, was, becomes = _change(original.text, text)
            found.append(Mutant(original.exercise.name, tool, text, line, was, becomes))
    yield from sorted(found, key=lambda mutant: mutant.line)


def _texts(text: str) -> Iterator[tuple[str, str]]:
    try:
        from autograder.verify.mutants.tools import by_cosmic_ray, by_nodes
    except ModuleNotFoundError as missing:
        raise MutantsMissing(
            f"mutants need the package {missing.name}, which is not installed here: "
            "pip install -c constraints.txt '.[mutants]'"
        ) from missing
    yield from by_nodes(text)
    yield from by_cosmic_ray(text)


def _change(before: str, after: str) -> tuple[int, str, str]:
    """The first changed line's number, and the changed lines before and after."""
    one, other = before.splitlines(), after.splitlines()
    matcher = difflib.SequenceMatcher(None, one, other, autojunk=False)
    changed = [code for code in matcher.get_opcodes() if code[0] != "equal"]
    if not changed:
        return 0, "", ""
    first, last = changed[0], changed[-1]
    return (
        first[1] + 1,
        "\n".join(one[first[1] : last[2]]),
        "\n".join(other[first[3] : last[4]]),
    )


def _plain(text: str) -> str:
    return ast.unparse(_Plain().visit(ast.parse(text)))


class _Plain(ast.NodeTransformer):
    """Takes away what no check can see."""

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.FunctionDef:
        self.generic_visit(node)
        node.returns = None
        if ast.get_docstring(node) is not None:
            node.body = node.body[1:] or [ast.Pass()]
        return node

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.ClassDef:
        self.generic_visit(node)
        if ast.get_docstring(node) is not None:
            node.body = node.body[1:] or [ast.Pass()]
        return node

    def visit_arg(self, node: ast.arg) -> ast.arg:
        node.annotation = None
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AnnAssign:
        self.generic_visit(node)
        node.annotation = ast.Name("object", ast.Load())
        return node

    def visit_Raise(self, node: ast.Raise) -> ast.Raise:
        self.generic_visit(node)
        if isinstance(node.exc, ast.Call):
            node.exc.args, node.exc.keywords = [], []
        node.cause = None
        return node


def _bytecode(plain: str) -> tuple[Any, ...]:
    return _parts(compile(plain, "", "exec", _future_annotations()))


def _parts(code: CodeType) -> tuple[Any, ...]:
    constants = tuple(
        _parts(constant) if isinstance(constant, CodeType) else (type(constant), repr(constant))
        for constant in code.co_consts
    )
    return (
        *(code.co_code, constants, code.co_names, code.co_varnames, code.co_freevars),
        *(code.co_cellvars, code.co_argcount, code.co_kwonlyargcount, code.co_flags),
        code.co_exceptiontable,
    )


def _future_annotations() -> int:
    import __future__

    return __future__.annotations.compiler_flag
