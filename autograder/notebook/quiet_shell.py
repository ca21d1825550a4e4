"""IPython without what a process of ours must not have: files, threads, windows, a terminal.

Parts of it that show or store something are replaced by parts that do not.

Built on IPython's own `InteractiveShell` (checked with 8.20, 9.4 and 9.18).
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from IPython.core import interactiveshell
from IPython.core.displayhook import DisplayHook
from IPython.core.formatters import DisplayFormatter
from IPython.core.history import HistoryManager
from IPython.core.interactiveshell import InteractiveShell
from IPython.core.profiledir import ProfileDir
from IPython.core.pylabtools import import_pylab


class SilentFormatter(DisplayFormatter):  # type: ignore[misc]
    """Formats nothing: nobody looks at the output, and figures are slow to draw."""

    def format(
        self, obj: Any, include: Any = None, exclude: Any = None
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        return {}, {}


class SilentDisplayHook(DisplayHook):  # type: ignore[misc]
    """Keeps the last expression's value as `_`, as IPython does, and shows nothing."""

    _last: Any = ""

    def __call__(self, result: Any = None) -> None:
        if result is not None:
            self.fill_exec_result(result)
            names = self.shell.user_ns
            if names.get("_", self._last) is self._last:
                self._last = names["_"] = result


@contextlib.contextmanager
def without_database() -> Iterator[None]:
    """Up to IPython 9.16 a new shell makes a folder for its database: let it make none."""
    original = getattr(interactiveshell, "PickleShareDB", None)
    if original is None:
        yield
        return
    interactiveshell.PickleShareDB = lambda folder: {}
    try:
        yield
    finally:
        interactiveshell.PickleShareDB = original


class QuietShell(InteractiveShell):  # type: ignore[misc]
    """Runs cells, keeps their errors in their results, and shows, saves and opens nothing."""

    displayhook_class = SilentDisplayHook

    def init_ipython_dir(self, ipython_dir: Any) -> None:
        """Have no folder for settings."""

    def init_profile_dir(self, profile_dir: Any) -> None:
        """Have a profile without a folder."""
        self.profile_dir = ProfileDir(parent=self)

    def init_virtualenv(self) -> None:
        """Leave `sys.path` as it is."""

    def init_history(self) -> None:
        """Keep history in memory: no database and no thread that saves it."""
        self.history_manager = HistoryManager(
            shell=self, parent=self, hist_file=":memory:", enabled=False
        )

    def init_completer(self) -> None:
        """Complete nothing."""
        self.Completer = None

    def init_prompts(self) -> None:
        """Leave `sys.ps1` alone: libraries take it for an interactive terminal."""

    def init_display_formatter(self) -> None:
        """Render no output."""
        self.display_formatter = SilentFormatter(parent=self)

    @contextlib.contextmanager
    def _tee(self, channel: str) -> Iterator[None]:
        yield

    def showtraceback(self, *args: Any, **kwargs: Any) -> None:
        """Format no traceback: the error goes into the cell's result."""

    def showsyntaxerror(self, *args: Any, **kwargs: Any) -> None:
        """Format no traceback: the error goes into the cell's result."""

    def ask_exit(self) -> None:
        """Go on after `exit()` and `quit()`: the cells that follow count too."""

    def enable_gui(self, gui: Any = None) -> None:
        """Start no GUI event loop."""

    def enable_matplotlib(self, gui: Any = None) -> tuple[str, str]:
        """Stay with the backend that draws into memory."""
        return "agg", "agg"

    def enable_pylab(
        self, gui: Any = None, import_all: Any = True, welcome_message: Any = False
    ) -> tuple[str, str, set[str]]:
        """Import what `%pylab` imports."""
        import_pylab(self.user_ns, import_all)
        return "agg", "agg", set()
