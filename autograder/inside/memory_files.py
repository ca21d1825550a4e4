"""Files in memory, for a process that may write none: `open` keeps what a notebook would save.

At level `landlock` there is no folder to write to. A cell that saves a figure beside the notebook
and reads it again should not fail for that. What is kept counts as the submission's own memory.
"""

from __future__ import annotations

import builtins
import io
import os
import tempfile
from collections.abc import Callable
from typing import Any

from IPython.core import interactiveshell

_Open = Callable[..., Any]


class _MemoryFile(io.BytesIO):
    """The contents of one file; they are kept when it is flushed or closed."""

    def __init__(self, kept: dict[str, bytes], name: str, mode: str) -> None:
        before = b"" if "w" in mode else kept.get(name, b"")
        super().__init__(before)
        self.name = name
        self._kept = kept
        if "a" in mode:
            self.seek(0, os.SEEK_END)
        self._writes = any(letter in mode for letter in "wax+")
        if self._writes:
            kept[name] = before

    def writable(self) -> bool:
        return self._writes

    def flush(self) -> None:
        if self._writes and not self.closed:
            self._kept[self.name] = self.getvalue()

    def close(self) -> None:
        self.flush()
        super().close()


class MemoryFiles:
    """Stands in for `open` and a few functions of `os`, for relative and temporary paths."""

    def __init__(self) -> None:
        self._kept: dict[str, bytes] = {}
        self._open: _Open = builtins.open
        self._exists: Callable[[Any], bool] = os.path.exists
        self._mkdir: Callable[..., None] = os.mkdir

    def install(self) -> None:
        """Replace the functions in this process, for good."""
        builtins.open = io.open = self.open
        interactiveshell.io_open = self.open  # IPython gives notebooks an `open` of its own
        os.path.exists = self.exists
        os.mkdir = self.mkdir

    def open(
        self,
        file: Any,
        mode: str = "r",
        buffering: int = -1,
        encoding: str | None = None,
        errors: str | None = None,
        newline: str | None = None,
        closefd: bool = True,
        opener: Any = None,
    ) -> Any:
        """`open`, with files in memory where it is refused."""
        name = _name(file)
        if name not in self._kept:
            try:
                return self._open(file, mode, buffering, encoding, errors, newline, closefd, opener)
            except (PermissionError, FileNotFoundError):
                if not name or not any(letter in mode for letter in "wax"):
                    raise
        elif "x" in mode:
            raise FileExistsError(f"File exists: {name!r}")
        contents = _MemoryFile(self._kept, name, mode)
        if "b" in mode:
            return contents
        return io.TextIOWrapper(contents, encoding or "utf-8", errors, newline)

    def exists(self, path: Any) -> bool:
        """`os.path.exists`, which also knows the files in memory."""
        return _name(path) in self._kept or self._exists(path)

    def mkdir(self, path: Any, *arguments: Any, **more: Any) -> None:
        """`os.mkdir`, which lets a folder be made where files would be kept in memory."""
        try:
            self._mkdir(path, *arguments, **more)
        except (PermissionError, FileNotFoundError):
            if not _name(path):
                raise


def is_kept_in_memory() -> bool:
    """Whether `open` keeps files in memory in this process."""
    return isinstance(getattr(builtins.open, "__self__", None), MemoryFiles)


def _name(path: Any) -> str:
    """The key of a file that may be kept: a relative or temporary path; "" for any other."""
    if not isinstance(path, str | os.PathLike):
        return ""
    text = os.fspath(path)
    if not isinstance(text, str):
        return ""
    folder = tempfile.gettempdir()
    whole = os.path.normpath(os.path.join(folder, text))
    return whole if whole.startswith(folder.rstrip("/") + "/") else ""
