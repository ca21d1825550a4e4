"""Files that a notebook writes: with `open`, in memory, and with `%%writefile`, to import from.

At level `landlock` there is no folder to write to. A cell that saves a figure beside the notebook
and reads it again should not fail for that. What is kept counts as the submission's own memory."""

from __future__ import annotations

import builtins
import contextlib
import io
import linecache
import os
import posixpath
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from importlib.abc import InspectLoader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import CodeType, ModuleType
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


# The folders in which Colab and Kaggle run notebooks: what is written there is beside the notebook.
_BESIDE = ("", "/content", "/kaggle/working")


class WrittenModules(MetaPathFinder, InspectLoader):
    """Keeps `.py` files that cells write in memory, for there may be no folder to write to.

    Files are looked for in every folder on `sys.path`, as Python does; folders are packages.
    """

    def __init__(self) -> None:
        self._texts: dict[str, str] = {}
        self._files: dict[str, str] = {}  # of the modules that were found
        sys.meta_path.append(self)

    def write(self, line: str, text: str) -> bool:
        """Take what follows `%%writefile` (`[-a] name`); false when there is no name."""
        words = line.split(maxsplit=1)
        adds = bool(words) and words[0] in ("-a", "--append")
        name = (words[-1] if not adds else words[1] if len(words) > 1 else "") if words else ""
        path = _normal(name) if name.strip() else ""
        if not path:
            return False
        if path.endswith(".py"):
            self._texts[path] = (self.text(path) or "" if adds else "") + text
            linecache.cache.pop(path, None)
        with contextlib.suppress(OSError, ValueError):
            os.makedirs(posixpath.dirname(path) or ".", exist_ok=True)
        with (
            contextlib.suppress(OSError, ValueError),
            builtins.open(path, "a" if adds else "w", encoding="utf-8") as file,
        ):
            file.write(text)
        return True

    def text(self, path: str) -> str | None:
        """The text of a file that was written under this name, by a cell or with `open`."""
        path = _normal(path)
        if path in self._texts:
            return self._texts[path]
        if posixpath.isabs(path) or not path.endswith(".py"):
            return None
        try:
            with builtins.open(path, encoding="utf-8") as file:
                found: str = file.read()
        except (OSError, ValueError):
            return None
        return found

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None = None,
        target: ModuleType | None = None,
    ) -> ModuleSpec | None:
        """Find a module or a package that was written."""
        stem = fullname.replace(".", "/")
        for folder in _folders():
            whole = _normal(posixpath.join(folder, stem))
            for file in (f"{whole}.py", f"{whole}/__init__.py"):
                if self.text(file) is not None:
                    return self._spec(fullname, file, whole if "__init__" in file else "")
            if any(name.startswith(f"{whole}/") for name in self._texts) or _has_modules(whole):
                return self._spec(fullname, f"{whole}/__init__.py", whole)
        return None

    def _spec(self, fullname: str, file: str, package: str) -> ModuleSpec:
        self._files[fullname] = file
        spec = ModuleSpec(fullname, self, origin=file, is_package=bool(package))
        if package:
            spec.submodule_search_locations = [package]
        return spec

    def get_source(self, fullname: str) -> str:
        """The text of a module, for tools that show source; `ImportError` where there is none."""
        if fullname not in self._files and self.find_spec(fullname) is None:
            raise ImportError(f"no module {fullname!r} was written")
        return self.text(self._files[fullname]) or ""

    def get_code(self, fullname: str) -> CodeType:
        """Compile a module under the name of its file, by which tools find its source again."""
        text = self.get_source(fullname)
        code: CodeType = compile(text, self._files[fullname], "exec")
        return code

    def is_package(self, fullname: str) -> bool:
        """Whether a module that was found is a folder."""
        return posixpath.basename(self._files.get(fullname, "")) == "__init__.py"

    def forget(self) -> None:
        """Take the written modules out of the import system again."""
        if self in sys.meta_path:
            sys.meta_path.remove(self)
        for name in self._files:
            sys.modules.pop(name, None)


def _has_modules(folder: str) -> bool:
    """Whether a folder beside the submission holds Python files, which makes it a package."""
    if posixpath.isabs(folder):
        return False
    with contextlib.suppress(OSError, ValueError):
        return any(name.endswith(".py") for name in os.listdir(folder))
    return False


def _folders() -> Iterator[str]:
    yield from _BESIDE
    yield from (entry for entry in sys.path if isinstance(entry, str) and entry not in _BESIDE)


def _normal(path: str) -> str:
    return posixpath.normpath(path.strip().strip("'\""))
