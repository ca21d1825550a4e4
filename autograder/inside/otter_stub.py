"""A stand-in for Otter inside the sandbox: every call does nothing, at once.

A submission's `grader.check("q1")` needs tests, log files and a kernel that are not there, and its
answers would count for nothing: the grader asks its own questions.
"""

from __future__ import annotations

import importlib.abc
from collections.abc import Iterator, Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any


class Nothing:
    """Answers every public attribute and every call with itself."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        pass

    def __call__(self, *args: Any, **kwargs: Any) -> Nothing:
        return self

    def __getattr__(self, name: str) -> Nothing:
        if name.startswith("_"):
            raise AttributeError(name)
        return self

    def __iter__(self) -> Iterator[Any]:
        return iter(())

    def __enter__(self) -> Nothing:
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def __repr__(self) -> str:
        return ""


class Notebook(Nothing):
    """`otter.Notebook`: takes any arguments, checks and exports nothing."""


class OtterStub(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds `otter` and all its submodules before the installed ones are looked for."""

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None = None,
        target: ModuleType | None = None,
    ) -> ModuleSpec | None:
        """Claim `otter` and every name below it."""
        if fullname.partition(".")[0] != "otter":
            return None
        return ModuleSpec(fullname, self, is_package=True)

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """Make a module on which every public name exists."""
        return _StubModule(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        """Run nothing."""


class _StubModule(ModuleType):
    __version__ = "7.0.0"
    Notebook = Notebook

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        return Nothing()
