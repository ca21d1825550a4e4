"""Stand-ins for Otter and Colab inside the sandbox: every call does nothing, at once.

A submission's `grader.check("q1")` needs tests, log files and a kernel that are not there, and its
answers would count for nothing: the grader asks its own questions. `google.colab` exists on Colab
alone, where half of all notebooks mount a drive in the cell that imports torch: it is stood in for
where a notebook imports it without a guard.
"""

from __future__ import annotations

import contextlib
import importlib.abc
import sys
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


class Secrets(Nothing):
    """Colab's `userdata` and Kaggle's secrets: every secret is a string that opens nothing."""

    def get(self, *names: Any, **options: Any) -> str:
        """A string, for `os.environ` takes nothing else."""
        return "no-secret-here"

    get_secret = get


def is_platform(module: str) -> bool:
    """Whether a module exists on Colab or Kaggle alone."""
    return f"{module}.".startswith(("google.colab.", "kaggle_secrets.", "kaggle_datasets."))


class Notebook(Nothing):
    """`otter.Notebook`: takes any arguments, checks and exports nothing."""


class Stubs(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds `otter` and all below it before an installed one is looked for.

    Modules of Colab and Kaggle are found only while `standing_in`: a notebook that asks whether
    they are there learns that they are not.
    """

    def __init__(self) -> None:
        self._standing_in = False

    @contextlib.contextmanager
    def standing_in(self) -> Iterator[None]:
        """Let imports of platform modules succeed; afterwards no trace of them is left."""
        self._standing_in = True
        try:
            yield
        finally:
            self._standing_in = False
            for name, module in list(sys.modules.items()):
                if isinstance(module, NamelessStub) and not isinstance(module, StubModule):
                    del sys.modules[name]

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None = None,
        target: ModuleType | None = None,
    ) -> ModuleSpec | None:
        """Claim the names that are stood in for, and `google` where there is no such package."""
        if fullname == "google":
            claimed = self._standing_in and PathFinder.find_spec(fullname, path) is None
        else:
            claimed = f"{fullname}.".startswith("otter.") or (
                self._standing_in and is_platform(fullname)
            )
        return ModuleSpec(fullname, self, is_package=True) if claimed else None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """Make a module on which every public name exists."""
        stub = StubModule if spec.name.partition(".")[0] == "otter" else NamelessStub
        made = stub(spec.name)
        if spec.name == "google.colab.userdata":
            vars(made)["get"] = Secrets().get
        return made

    def exec_module(self, module: ModuleType) -> None:
        """Run nothing."""


class NamelessStub(ModuleType):
    """A module on which every public name exists and does nothing."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        return Secrets() if name in ("userdata", "UserSecretsClient") else Nothing()


class StubModule(NamelessStub):
    """`otter`, and every module of it."""

    __version__ = "7.0.0"
    Notebook = Notebook
