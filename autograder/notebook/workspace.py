"""The namespace in which one submission's cells run, one after the other, whatever they do."""

from __future__ import annotations
import __future__

import ast
import builtins
import contextlib
import io
import linecache
import os
import re
import sys
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from types import CodeType, FunctionType, ModuleType
from typing import Any, Literal

import torch

from autograder.notebook.files import is_kept_in_memory
from autograder.notebook.patches import register, surround
from autograder.notebook.shell import SubmissionShell
from moelab_kit.calls import name_of
from moelab_kit.compare import kind_of

Kind = Literal["notebook", "script"]

MAX_MESSAGE = 2_000  # characters
_SCRIPT = "submission.py"
_MODULE_NAMES: Mapping[Kind, str] = {"notebook": "__main__", "script": "submission"}
_OWN = frozenset(_MODULE_NAMES.values())  # modules in which a submission defines things
_FUTURE_FLAGS = sum(
    getattr(__future__, name).compiler_flag for name in __future__.all_feature_names
)


@dataclass(frozen=True, slots=True)
class CellError:
    """An exception that ended a cell; `line` counts from 1 within the cell, 0 where unknown."""

    type_name: str
    message: str
    line: int = 0


class Workspace:
    """Runs cells in one namespace and looks up the functions that they defined.

    `given` are names that are there from the start and that a package offers too (`load_model`,
    `load_tokenizer`); `packages` are those that students have besides `moelab_kit`. Making one
    takes a few milliseconds once `warm_up` has run. There can be one at a time in a process;
    `close` puts the process back as it was.
    """

    def __init__(
        self, given: Mapping[str, Any] | None = None, packages: tuple[str, ...] = ("moe_lab",)
    ) -> None:
        self.module = ModuleType("__main__")
        self._defined: dict[str, FunctionType] = {}  # functions of the cells, by name
        self._script: list[str] = []
        self._future_flags = 0
        self._stack = contextlib.ExitStack()
        try:
            self._keep_process_state()
            self._shell = SubmissionShell.install(self.module, given or {})
            self._stack.callback(self._shell.close)
            self._stack.enter_context(surround(given or {}, self._shell.note, packages))
        except BaseException:
            self._stack.close()
            raise

    @property
    def notes(self) -> tuple[str, ...]:
        """What was left out of the cells so far, in sentences."""
        return tuple(self._shell.notes)

    def run_cell(self, source: str, kind: Kind = "notebook") -> CellError | None:
        """Run one cell of a notebook, or a script; whatever it raises is returned, never raised."""
        try:
            name = _MODULE_NAMES[kind]
            self.module.__name__ = name
            sys.modules[name] = self.module
            if kind == "script":
                self._run_script(source)
            else:
                self._shell.run_cell(source).raise_error()
        except BaseException as error:
            told = self._describe(error, source, kind)
            if isinstance(error, SyntaxError):
                self._shell.lose_all(source, f"its cell is no Python ({told.message[:100]})")
            return told
        finally:
            if kind == "script":
                self._script.extend(io.StringIO(source))
            for defined, value in list(self.module.__dict__.items()):
                if isinstance(value, FunctionType) and value.__module__ in _OWN:
                    self._defined[defined] = value
        return None

    def give_helpers_back(self, wanted: Collection[str]) -> None:
        """Let helper functions have their names again where a later cell used these for values.

        The lab's own cells use names like `share`, and a helper may well be called so: the cell
        that checks it passes in the notebook, and the functions are called after all cells here.
        Names in `wanted` are the exercises': what a submission leaves there is its answer.
        """
        for name, function in self._defined.items():
            value = self.module.__dict__.get(name, function)
            if name not in wanted and (not callable(value) or isinstance(value, torch.nn.Module)):
                self.module.__dict__[name] = function

    def bring(self, files: Mapping[str, bytes], folder: str) -> None:
        """Lay the files that came with the submission into its `folder`, and let it import them.

        Names are paths below that folder. Where the process is not in that folder, Python files can
        still be imported, and `open` reads what can be kept in memory.
        """
        is_there = os.getcwd() == folder
        if is_there and files:
            sys.path.insert(0, folder)
        for name, data in files.items():
            if is_there or is_kept_in_memory():
                with contextlib.suppress(OSError):
                    os.makedirs(os.path.dirname(name) or ".", exist_ok=True)
                    with open(name, "wb") as file:
                        file.write(data)
            if name.endswith(".py"):
                self._shell.written.write(f'"{name}"', data.decode("utf-8", "replace"))

    def function(self, name: str) -> object:
        """What the cells left under this name, `None` where they left nothing."""
        return self.module.__dict__.get(name)

    def why_missing(self, name: str) -> str:
        """Say in a sentence that there is no such function, and what there is instead."""
        found = self.module.__dict__.get(name)
        if found is not None:
            return f"{name} is not a function but {kind_of(found)}: the name was used again"
        missing = f"the submission defines no function {name}"
        if name in self._shell.lost:
            return f"{missing}: {self._shell.lost[name]}"
        for outer, value in list(self.module.__dict__.items()):
            if isinstance(value, type | FunctionType) and value.__module__ in _OWN:
                if isinstance(value, type) and name in vars(value):
                    return f"{missing}: it stands inside the class {outer}"
                if isinstance(value, FunctionType) and name in value.__code__.co_varnames:
                    return f"{missing}: it stands inside the function {outer}"
        names = [key for key, value in self.module.__dict__.items() if callable(value)]
        alike = get_close_matches(name, names, n=1, cutoff=0.8)
        return f"{missing}; is {alike[0]} meant?" if alike else missing

    def why_undefined(self, message: str) -> str:
        """To a NameError's message, add why the name is not defined, where a cell's failure is."""
        found = re.search(r"name '(\w+)' is not defined", message)
        reason = self._shell.lost.get(found.group(1)) if found else None
        return f"{message}: {reason}" if reason else message

    def close(self) -> None:
        """Put back everything that was replaced in this process."""
        self._stack.close()

    def __enter__(self) -> Workspace:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def _keep_process_state(self) -> None:
        for name in _MODULE_NAMES.values():
            register(self._stack, name, self.module)
        self._stack.callback(os.chdir, os.getcwd())
        for name in ("display", "__IPYTHON__", "get_ipython"):
            before = builtins.__dict__.get(name)
            if before is None:
                self._stack.callback(builtins.__dict__.pop, name, None)
            else:
                self._stack.callback(builtins.__dict__.__setitem__, name, before)

    def _run_script(self, source: str) -> None:
        """Run with plain compile and exec; as IPython only where it is no Python otherwise."""
        try:
            code = self._compile(source)
        except SyntaxError as error:
            source = self._shell.transform_cell(source)
            try:
                code = self._compile(source)
            except SyntaxError:
                raise error from None
        self._future_flags |= code.co_flags & _FUTURE_FLAGS
        lines = [*self._script, *io.StringIO(source)]
        linecache.cache[_SCRIPT] = (sum(map(len, lines)), None, lines, _SCRIPT)
        self.module.__dict__.setdefault("__file__", _SCRIPT)
        tree = ast.parse("\n" * len(self._script) + source)

        async def execute(statement: ast.stmt) -> BaseException | None:
            part = ast.Module([statement], [])
            try:
                flags = self._future_flags
                code = compile(part, _SCRIPT, "exec", flags, dont_inherit=True)
                exec(code, self.module.__dict__)  # noqa: S102
            except BaseException as error:
                return error
            return None

        remainder = self._shell.remainder(execute, len(self._script) + 1)
        with contextlib.suppress(StopIteration):
            remainder.run(tree.body).send(None)  # it awaits nothing but `execute`
        if remainder.error is not None:
            raise remainder.error

    def _compile(self, source: str) -> CodeType:
        """Compile a cell of a script after the lines of the cells before it."""
        padded = "\n" * len(self._script) + source
        code: CodeType = compile(padded, _SCRIPT, "exec", self._future_flags, dont_inherit=True)
        return code

    def _describe(self, error: BaseException, source: str, kind: Kind) -> CellError:
        """Put an exception into data; a hostile `__str__` only spoils its own message."""
        try:
            message = error.msg if isinstance(error, SyntaxError) else str(error)
            message = message[:MAX_MESSAGE]
        except BaseException:
            message = "(its message could not be read)"
        try:
            line = self._line(error)
            blank = len(source) - len(source.lstrip("\n"))  # IPython drops them
            line += (blank if kind == "notebook" else -len(self._script)) if line else 0
        except BaseException:
            line = 0
        return CellError(name_of(error), message, line)

    def _line(self, error: BaseException) -> int:
        """The last line at the top level of a cell that the exception passed through."""
        line, trace = 0, error.__traceback__
        while trace is not None:
            code = trace.tb_frame.f_code
            top_level = code.co_name == "<module>"
            if top_level and trace.tb_frame.f_globals is self.module.__dict__:
                line = trace.tb_lineno
            trace = trace.tb_next
        if not line and isinstance(error, SyntaxError):
            return error.lineno or 0
        return line


_REHEARSAL = """
figure, (left, right) = plt.subplots(1, 2, layout="constrained")
left.bar([0, 1], [2, 3], label="bars")
left.axhline(1, linestyle="--")
left.set(title="title", xlabel="x", ylabel="y")
left.legend()
right.hist([1, 2, 2])
figure.colorbar(right.imshow([[1, 2], [3, 4]]))
plt.close("all")
"""


def warm_up(packages: tuple[str, ...] = ("moe_lab",)) -> None:
    """Load everything that a first workspace would load, before processes are forked."""
    with Workspace(packages=packages) as workspace:
        workspace.run_cell("import matplotlib.pyplot as plt\n%matplotlib inline\nplt")
        workspace.run_cell("%%time\n1 + 1")
        workspace.run_cell(_REHEARSAL)
