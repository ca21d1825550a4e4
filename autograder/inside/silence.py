"""Parts of IPython that show or store something, replaced by parts that do not."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from IPython.core import interactiveshell
from IPython.core.displayhook import DisplayHook
from IPython.core.formatters import DisplayFormatter


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
