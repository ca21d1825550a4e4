"""Stand-ins for Otter and Colab inside the sandbox: every call does nothing, at once.

A submission's `grader.check("q1")` needs tests, log files and a kernel that are not there, and its
answers would count for nothing: the grader asks its own questions. `google.colab` exists on Colab
alone, where half of all notebooks mount a drive in the cell that imports torch.
"""

from __future__ import annotations

import importlib.abc
from collections.abc import Iterator, Sequence
from importlib.machinery import ModuleSpec, PathFinder
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


class Stubs(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds `otter`, `google.colab` and all below them before installed ones are looked for."""

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None = None,
        target: ModuleType | None = None,
    ) -> ModuleSpec | None:
        """Claim the names that are stood in for, and `google` where there is no such package."""
        if fullname == "google":
            claimed = PathFinder.find_spec(fullname, path) is None
        else:
            claimed = f"{fullname}.".startswith(("otter.", "google.colab."))
        return ModuleSpec(fullname, self, is_package=True) if claimed else None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """Make a module on which every public name exists."""
        stub = StubModule if spec.name.partition(".")[0] == "otter" else NamelessStub
        return stub(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        """Run nothing."""


class NamelessStub(ModuleType):
    """A module on which every public name exists and does nothing."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        return Nothing()


class StubModule(NamelessStub):
    """`otter`, and every module of it."""

    __version__ = "7.0.0"
    Notebook = Notebook
