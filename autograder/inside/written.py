"""Modules that a notebook writes with `%%writefile name.py` and then imports or runs."""

from __future__ import annotations

import linecache
import posixpath
import sys
from collections.abc import Sequence
from importlib.abc import InspectLoader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import spec_from_loader
from types import CodeType, ModuleType


class WrittenModules(MetaPathFinder, InspectLoader):
    """Keeps `.py` files that cells write in memory, for there may be no folder to write to."""

    def __init__(self) -> None:
        self._texts: dict[str, str] = {}

    def write(self, line: str, text: str) -> bool:
        """Take what follows `%%writefile` (`[-a] name`); false when it is not a Python file."""
        words = line.split()
        if not words or not words[-1].strip("'\"").endswith(".py"):
            return False
        path = _normal(words[-1])
        before = self._texts.get(path, "") if words[0] in ("-a", "--append") else ""
        self._texts[path] = before + text
        linecache.cache.pop(path, None)
        if self not in sys.meta_path:
            sys.meta_path.append(self)
        return True

    def text(self, path: str) -> str | None:
        """The text of a file that was written under this name."""
        return self._texts.get(_normal(path))

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None = None,
        target: ModuleType | None = None,
    ) -> ModuleSpec | None:
        """Find a module that was written; packages are not supported."""
        if _file_of(fullname) not in self._texts:
            return None
        return spec_from_loader(fullname, self, origin=_file_of(fullname))

    def get_source(self, fullname: str) -> str:
        """The text of a module, for tools that show source; `ImportError` where there is none."""
        try:
            return self._texts[_file_of(fullname)]
        except KeyError as error:
            raise ImportError(f"no module {fullname!r} was written") from error

    def get_code(self, fullname: str) -> CodeType:
        """Compile a module under the name of its file, by which tools find its source again."""
        code: CodeType = compile(self.get_source(fullname), _file_of(fullname), "exec")
        return code

    def forget(self) -> None:
        """Take the written modules out of the import system again."""
        if self in sys.meta_path:
            sys.meta_path.remove(self)
        for path in self._texts:
            sys.modules.pop(path.removesuffix(".py").replace("/", "."), None)


def _normal(path: str) -> str:
    return posixpath.normpath(path.strip("'\""))


def _file_of(fullname: str) -> str:
    return fullname.replace(".", "/") + ".py"
