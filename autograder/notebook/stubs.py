"""Stand-ins for Otter, Colab and other programs in the sandbox: every call does nothing, at once.

A submission's `grader.check("q1")` needs tests, log files and a kernel that are not there, and its
answers would count for nothing: the grader asks its own questions. `google.colab` exists on Colab
alone, where half of all notebooks mount a drive in the cell that imports torch: it is stood in for
where a notebook imports it without a guard. The sandbox refuses new processes anyway; stand-ins for
`os.system` and `subprocess` let the rest of a cell run, as after `!command`.
"""

from __future__ import annotations

import contextlib
import importlib.abc
import io
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
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


FAILED = 1  # the exit code of every command, but of installs: what the course needs is here


class NoProgram(subprocess.Popen[Any]):
    """A process that ended before it began, without output."""

    def __init__(self, args: Any, *positional: Any, **options: Any) -> None:
        self.args = args
        words = args.split() if isinstance(args, str) else _words(args)
        self.returncode = 0 if "install" in words else FAILED
        text = ("text", "universal_newlines", "encoding", "errors")
        self._nothing: Any = "" if any(map(options.get, text)) else b""
        self.stdin, self.stdout, self.stderr = (
            self._stream() if options.get(name) == subprocess.PIPE else None
            for name in ("stdin", "stdout", "stderr")
        )

    def communicate(self, input: Any = None, timeout: float | None = None) -> tuple[Any, Any]:
        """Nothing came out."""
        return (
            None if self.stdout is None else self._nothing,
            None if self.stderr is None else self._nothing,
        )

    def _stream(self) -> Any:
        return io.StringIO() if self._nothing == "" else io.BytesIO()


def refusing_system(note: Callable[[str], None]) -> Callable[[Any], int]:
    """An `os.system` that starts nothing and says so."""

    def system(command: Any) -> int:
        note(refusal(command))
        return FAILED

    return system


def refusing_popen(note: Callable[[str], None]) -> type[NoProgram]:
    """A `subprocess.Popen` that starts nothing and says so."""

    class Popen(NoProgram):
        def __init__(self, args: Any, *positional: Any, **options: Any) -> None:
            super().__init__(args, *positional, **options)
            note(refusal(args))

    return Popen


def refuse_to_start(process: Any) -> None:
    """A `Process.start` of multiprocessing that says why there is none, and what does without."""
    raise PermissionError(
        "no processes are started here; threads work, and so does num_workers=0 in a data loader"
    )


def refusal(command: Any) -> str:
    """The sentence on a command that was left out."""
    shown = command if isinstance(command, str) else " ".join(_words(command))
    return f"the shell command {shown[:80]!r} was left out: no programs are started here"


def _words(args: Any) -> Sequence[str]:
    if isinstance(args, str | bytes | os.PathLike):
        return [os.fsdecode(args)]
    return [os.fsdecode(word) for word in args]
