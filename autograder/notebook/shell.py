"""IPython for one submission: its cells run as in Jupyter, without processes.

What a submission cannot have here (shell commands, installs, other languages) is noted and left
out, so that the rest of the cell still runs.
"""

from __future__ import annotations

import ast
import asyncio
import atexit
import contextlib
import re
import sys
from collections.abc import Coroutine, Mapping
from types import ModuleType
from typing import Any

from IPython.core.inputtransformer2 import TransformerManager
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.text import LSString, SList
from traitlets import Instance

from autograder.notebook.files import WrittenModules
from autograder.notebook.quiet_shell import QuietShell, without_database
from autograder.notebook.remainder import Remainder, bound_in_text
from autograder.notebook.stubs import FAILED, Stubs, is_platform, refusal

MAX_NOTES = 50

# Magics without a meaning here: they configure a front end, show help, install or store things.
_LEFT_OUT = re.compile(
    "aimport|autoreload|bookmark|colors|conda|config|debug|edit|ed|gui|history|hist|load_ext|"
    "logoff|logon|logstart|logstate|logstop|mamba|man|matplotlib|micromamba|more|notebook|pdb|pdef|"
    "pdoc|pfile|pinfo|pinfo2|pip|psearch|psource|pycat|quickref|recall|rerun|reload_ext|"
    "save|store|tb|unload_ext|uv|xmode"
)
# What these run is the student's own statement, so its exception is the cell's.
_RUN_A_STATEMENT = ("prun", "time", "timeit")
_DISPLAYED = ("HTML", "SVG", "html", "javascript", "js", "latex", "markdown", "svg")
_NOT_THIS_PYTHON = re.compile(
    "!|R|ai|bash|bigquery|cmd|cython|file|java|julia|perl|powershell|pypy|python[23]?|ruby|script|"
    "sh|shell|sql|sx|system|writefile"
)
_TIMEIT_OPTIONS = re.compile(r"\s*((-[tcqo]+|-[nrp]\s*\d+|-v\s*\w+)\s+)*")


class PythonFirst(TransformerManager):  # type: ignore[misc]
    """Looks for IPython's own syntax, which is slow, only in cells that are no Python already."""

    def do_token_transforms(self, lines: list[str]) -> list[str]:
        """Replace magics, `!` and `?` by calls; code that parses holds none of them."""
        if is_python("".join(lines)):
            return lines
        transformed: list[str] = super().do_token_transforms(lines)
        return transformed


class SubmissionShell(QuietShell):
    """The shell that `get_ipython()` gives to a submission.

    `module` is the namespace of the cells; `given` are names that it holds from the start, also
    after `%reset`.
    """

    input_transformer_manager = Instance(PythonFirst, ())

    def __init__(self, module: ModuleType, given: Mapping[str, Any]) -> None:
        self.given = dict(given)
        self.written = WrittenModules()
        self.notes: list[str] = []
        self.lost: dict[str, str] = {}  # names that failed statements did not bind, and why
        self._loop: asyncio.AbstractEventLoop | None = None
        self._before: InteractiveShell | None = None
        super().__init__(user_module=module, user_ns=module.__dict__)
        self.loop_runner = self._run_coroutine
        self.db: dict[str, Any] = {}

    @classmethod
    def install(cls, module: ModuleType, given: Mapping[str, Any]) -> SubmissionShell:
        """Make the shell that `get_ipython()` returns in this process, until it is closed."""
        before = InteractiveShell._instance
        if before is not None:
            type(before).clear_instance()
        with without_database():
            shell: SubmissionShell = cls.instance(module, given)
        shell._before = before
        return shell

    def note(self, text: str) -> None:
        """Tell the student (on the cell's standard error) what was left out."""
        if text not in self.notes and len(self.notes) < MAX_NOTES:
            self.notes.append(text)
        with contextlib.suppress(OSError, ValueError, AttributeError):
            sys.stderr.write(f"{text}\n")

    def close(self) -> None:
        """Give back what the shell took from the process."""
        if self._loop is not None:
            self._loop.close()
        self.written.forget()
        atexit.unregister(self.atexit_operations)
        type(self).clear_instance()
        if self._before is not None:
            for shell_class in type(self._before)._walk_mro():
                shell_class._instance = self._before

    # Cells of which a statement fails.

    async def run_ast_nodes(
        self,
        nodelist: list[ast.stmt],
        cell_name: str,
        interactivity: str = "last_expr",
        compiler: Any = compile,
        result: Any = None,
    ) -> bool:
        """Run a cell's statements, also those below one that fails and do not depend on it."""
        last = nodelist[-1] if nodelist else None

        async def execute(statement: ast.stmt) -> BaseException | None:
            shown = interactivity if statement is last else "none"
            run = super(SubmissionShell, self).run_ast_nodes
            if not await run([statement], cell_name, shown, compiler, result):
                return None
            error: BaseException | None = result.error_in_exec or result.error_before_exec
            result.error_in_exec = result.error_before_exec = None
            return error or RuntimeError("the statement failed")

        remainder = self.remainder(execute)
        await remainder.run(nodelist)
        result.error_in_exec = remainder.error
        return remainder.error is not None

    def remainder(self, execute: Any, first_line: int = 1) -> Remainder:
        """What runs the statements of one cell by `execute`."""
        return Remainder(
            execute,
            names=self.user_ns,
            lost=self.lost,
            note=self.note,
            stand_in=self._stand_in,
            first_line=first_line,
        )

    def lose_all(self, source: str, reason: str) -> None:
        """Remember why the names of a cell that could not run at all are not defined."""
        for name in bound_in_text(source):
            if name not in self.user_ns:
                self.lost[name] = reason

    def _stand_in(self, statement: ast.stmt) -> bool:
        """Import modules of Colab or Kaggle that the notebook takes for granted."""
        modules = [getattr(statement, "module", None) or ""]
        if isinstance(statement, ast.Import):
            modules = [name.name for name in statement.names]
        elif isinstance(statement, ast.ImportFrom) and modules == ["google"]:
            modules = [f"google.{name.name}" for name in statement.names]
        stubs = next((found for found in sys.meta_path if isinstance(found, Stubs)), None)
        if stubs is None or not all(map(is_platform, modules)):
            return False
        module = ast.Module([statement], [])
        try:
            with stubs.standing_in():
                exec(compile(module, "<stand-in>", "exec"), self.user_ns)  # noqa: S102
        except Exception:
            return False
        return True

    # The namespace.

    def init_user_ns(self) -> None:
        """Put the given names beside IPython's own, at the start and after `%reset`."""
        super().init_user_ns()
        self.user_ns.update(self.given)

    # No processes.

    def system(self, cmd: str) -> None:
        """Refuse `!command` without ending the cell."""
        self.user_ns["_exit_code"] = FAILED
        self.note(refusal(cmd))

    system_piped = system_raw = system

    def getoutput(self, cmd: str, split: Any = True, depth: int = 0) -> Any:
        """Give `x = !command` an empty output."""
        self.system(cmd)
        return SList() if split else LSString("")

    # Magics.

    def magic(self, arg_s: str) -> Any:
        """Run a line magic as `get_ipython().magic("name arguments")`, the old spelling."""
        name, _, line = arg_s.lstrip("%").partition(" ")
        return self.run_line_magic(name, line, 2)

    def run_line_magic(self, magic_name: str, line: str, _stack_depth: int = 1) -> Any:
        """Run a line magic; one that is unknown, refused or fails is noted, the cell goes on."""
        if magic_name in ("sx", "system"):
            return self.getoutput(line)
        if _LEFT_OUT.fullmatch(magic_name):
            return None
        if magic_name == "run" and (text := self.written.text(line.strip())) is not None:
            return self._run_nested(text)
        if magic_name == "timeit":
            line = _once(line)
        try:
            return super().run_line_magic(magic_name, line, _stack_depth + 1)
        except Exception as error:
            if magic_name in _RUN_A_STATEMENT:
                raise
            self.note(f"%{magic_name} was left out: {error}")
            return None

    def run_cell_magic(self, magic_name: str, line: str, cell: str) -> Any:
        """Run a cell magic; of an unknown one, run the body if it is Python."""
        if magic_name in ("file", "writefile"):
            if not self.written.write(line, cell):
                self.note(f"%%{magic_name} {line[:80]} was left out: it names no file to write")
            return None
        if magic_name == "time":
            return self._run_nested(cell)
        if magic_name == "timeit":
            return super().run_cell_magic(magic_name, _once(line + " "), cell)
        if magic_name == "capture":
            super().run_cell_magic(magic_name, line, cell)
            self.last_execution_result.raise_error()
            return None
        if magic_name == "prun" or self._is_own_magic(magic_name):
            return super().run_cell_magic(magic_name, line, cell)
        if magic_name in _DISPLAYED:
            return None
        if _NOT_THIS_PYTHON.fullmatch(magic_name) or not is_python(self.transform_cell(cell)):
            self.note(f"the cell with %%{magic_name} was left out")
            return None
        self.note(f"%%{magic_name} is not known here: the cell was run without it")
        return self._run_nested(cell)

    def _is_own_magic(self, name: str) -> bool:
        """Whether the submission itself defined this cell magic."""
        magic = self.find_cell_magic(name)
        return magic is not None and not magic.__module__.startswith("IPython.")

    def should_run_async(self, raw_cell: str, **transformed: Any) -> bool:
        """Compile a cell to find out only where it could hold an `await`."""
        awaits = "await" in raw_cell or "async" in raw_cell
        return awaits and bool(super().should_run_async(raw_cell, **transformed))

    def _run_nested(self, cell: str) -> None:
        self.run_cell(cell).raise_error()

    def _run_coroutine(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        """Run a cell that awaits, on one event loop for all cells."""
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
        return self._loop.run_until_complete(coroutine)


def is_python(source: str) -> bool:
    """Whether a text parses as Python."""
    try:
        ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True


def _once(line: str) -> str:
    """Let `%timeit` run its statement once: how long it takes is of no interest here."""
    found = _TIMEIT_OPTIONS.match(line)
    options = found.group() if found else ""
    kept = re.sub(r"-[nr]\s*\d+", "", options)
    return f"-n1 -r1 {kept}{line[len(options) :]}"
