"""Where a course lies, and importing it from exactly there.

A course is a Python package. It is written as its name where it is installed, and as `ROOT/NAME`
where it lies in the folder ROOT: `/home/ada/repository/mine`, or `/home/ada/repository/tests.toy`
for `tests/toy`. The text travels to every process, and no process gets ROOT on its path. A folder
names its course in its `pyproject.toml`:

    [tool.moelab]
    course = "mine"

A course also says which packages its students have, which is where models come from.
"""

from __future__ import annotations

import os
import re
import sys
import tomllib
from collections.abc import Iterable, Sequence
from functools import lru_cache
from importlib import import_module
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType

INSTALLED = "reference"  # moelab's own course, as it is installed
OURS = ("moe_lab",)  # moelab's own packages for students, besides `moelab_kit`
MARKER = "pyproject.toml"
_MAX_MARKER = 1_000_000  # bytes
_HANDED_IN = (".ipynb", ".zip")


class CourseError(Exception):
    """A course or an assignment that cannot be loaded, in one sentence."""


def course_at(text: str, *, submissions: Iterable[Path] = ()) -> str:
    """The course that a person names: a folder, or the name of a package here or installed.

    Nothing that lies in one of the folders `submissions` is a course. Raises `CourseError`.
    """
    strangers = _folders(submissions)
    if os.sep in text or "/" in text or text.startswith("."):
        return _of_folder(Path(text), strangers)
    folder = Path.cwd().joinpath(*text.split("."))
    if not (folder / "__init__.py").is_file():
        return text
    inside = any(_is_within(folder, one) for one in strangers)
    if not inside and not (_is_installed(text) and _holds_submissions(Path.cwd())):
        return str(Path.cwd() / text)
    if _is_installed(text):
        return text
    raise CourseError(
        f"the folder {folder} lies among submissions, so it is not taken for a course: start in "
        "another folder, or move the submissions"
    )


def course_here(submissions: Iterable[Path] = ()) -> str:
    """The course that the current folder names as its own, else the installed one.

    A folder that holds notebooks or archives names none, nor does one that holds `submissions`
    as files: whoever handed them in may have written the marker.
    """
    here = Path.cwd()
    name = _marked(here / MARKER)
    given = [Path(one) for one in submissions]
    strangers = {*_folders(given), *(one.resolve().parent for one in given if not one.is_dir())}
    folder = here.joinpath(*name.split("."))
    if not name or _holds_submissions(here) or any(_is_within(folder, one) for one in strangers):
        return INSTALLED
    if not (folder / "__init__.py").is_file():
        raise CourseError(f"{here / MARKER} names the course {name!r}, but {folder} is no package")
    return str(here / name)


def name_of(course: str) -> str:
    """The name under which a course is imported."""
    return os.path.basename(course)


def root_of(course: str) -> Path | None:
    """The folder that a course lies in; None for one that is installed."""
    return Path(course).parent if os.path.isabs(course) else None


def import_course(course: str, assignment: str = "") -> ModuleType:
    """Import a course, or an assignment of it; raises `CourseError` where there is none."""
    root, name = root_of(course), name_of(course)
    if root is not None:
        _lead_to(root, name)
    wanted = f"{name}.{assignment}" if assignment else name
    try:
        return import_module(wanted)
    except ModuleNotFoundError as error:
        if error.name is not None and wanted.startswith(error.name):
            raise CourseError(_not_there(root, name)) from error
        raise


def packages_of(course: str) -> tuple[str, ...]:
    """The packages that students of a course have besides `moelab_kit`. Raises `CourseError`.

    A course says `packages = ("moe_lab",)` in its `__init__.py`, or `packages = ()`. One that says
    nothing has those of moelab's own that its modules name or ask for a fixture of.
    """
    return _packages_of(import_course(course))


def packages_for(module: str) -> tuple[str, ...]:
    """The same for the course that an imported module belongs to, such as an exercise's."""
    parts = module.split(".")
    names = [".".join(parts[:size]) for size in range(len(parts), 0, -1)]
    around = [sys.modules[name] for name in names if name in sys.modules]
    inner = [hasattr(one, "assignment") and hasattr(one, "__path__") for one in around]
    outer = around[inner.index(True) + 1 :] if True in inner else []
    found = outer or around[-1:]
    declaring = [one for one in found if _says_packages(one)]
    return _packages_of((declaring or found)[0]) if found else ()


def folder_of(course: str) -> Path:
    """The folder of a course's package. Raises `CourseError`."""
    root = root_of(course)
    if root is not None:
        return root.joinpath(*name_of(course).split("."))
    return Path(next(iter(import_course(course).__path__)))


def is_course(folder: Path) -> bool:
    """Whether a folder looks like a course: a package of packages that import the engine."""
    if not (folder / "__init__.py").is_file():
        return False
    for one in folder.glob("*/__init__.py"):
        try:
            if re.search(rb"^\s*(from|import) autograder\b", one.read_bytes(), re.MULTILINE):
                return True
        except OSError:
            continue
    return False


def _says_packages(module: ModuleType) -> bool:
    said = vars(module).get("packages")
    return said is not None and not isinstance(said, ModuleType)


def _packages_of(module: ModuleType) -> tuple[str, ...]:
    if not _says_packages(module):
        places = getattr(module, "__path__", None) or [getattr(module, "__file__", None)]
        return _named_in(tuple(place for place in places if place))
    said = module.packages
    if isinstance(said, str) or not all(isinstance(one, str) for one in said):
        raise CourseError(
            f'{module.__file__}: write `packages = ("name",)`, a tuple of names of packages'
        )
    return tuple(said)


@lru_cache
def _named_in(places: tuple[str, ...]) -> tuple[str, ...]:
    """Those of moelab's own packages that modules name, or whose `bench` they ask for."""
    folders = [Path(place) for place in places]
    files = [
        one for place in folders for one in ([place] if place.is_file() else place.rglob("*.py"))
    ]
    texts = [file.read_bytes() for file in files]
    return tuple(
        package
        for package in OURS
        if any(re.search(rf"\b({package}|bench)\b".encode(), text) for text in texts)
    )


def _not_there(root: Path | None, name: str) -> str:
    """Why a course cannot be imported, and where it would be looked for."""
    path = Path(*name.split("."))
    if root is not None:
        return f"the course package {name!r} cannot be imported: {root / path} is no package"
    return (
        f"the course package {name!r} cannot be imported: it is not installed, and there is no "
        f"{path / '__init__.py'} in {Path.cwd()}. Start in the folder that holds {path}, or give "
        "its own: --course FOLDER"
    )


class _OneFolder:
    """Finds one package in one folder, before any other place is looked at."""

    def __init__(self, root: Path, name: str) -> None:
        self.root, self.name = str(root), name

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """The package's own specification; None for every other module."""
        if name != self.name:
            return None
        spec = PathFinder.find_spec(name, [self.root])
        if spec is not None and spec.loader is None:  # no package itself, but what leads to one
            spec = ModuleSpec(name, None, is_package=True)
            spec.submodule_search_locations = [os.path.join(self.root, name)]
        return spec


def _lead_to(root: Path, name: str) -> None:
    """Let the outermost package of a course be found in its folder."""
    top = name.partition(".")[0]
    finders = [one for one in sys.meta_path if isinstance(one, _OneFolder) and one.name == top]
    if [one.root for one in finders] == [str(root)]:
        return
    before = sys.modules.get(top)
    if not finders and before is None and not is_free(root, top):
        raise CourseError(
            f"a course cannot be called {top}: a library has that name. Rename its folder"
        )
    folder = os.path.join(root, top)
    if before is not None and folder not in map(os.path.abspath, getattr(before, "__path__", ())):
        if getattr(before, "__file__", None) is None and hasattr(before, "__path__"):
            before.__path__ = [*before.__path__, folder]
        elif finders or is_course(Path(before.__file__ or "").parent):
            for module in [one for one in sys.modules if one.partition(".")[0] == top]:
                del sys.modules[module]
        else:
            raise CourseError(
                f"a course cannot be called {top}: a library has that name. Rename its folder"
            )
    sys.meta_path[:] = [one for one in sys.meta_path if one not in finders]
    sys.meta_path.insert(0, _OneFolder(root, top))


def is_free(root: Path, top: str) -> bool:
    """Whether no library has the name `top`, so that a course in the folder `root` may have it."""
    if top in sys.stdlib_module_names:
        return False
    found = PathFinder.find_spec(top)
    if found is None or found.origin is None:
        return True
    folder = Path(found.origin).parent
    return folder == root / top or is_course(folder)


def _of_folder(given: Path, strangers: set[Path]) -> str:
    folder = given.resolve()
    if not (folder / "__init__.py").is_file():
        raise CourseError(f"{given} is no course: there is no package (no __init__.py) in it")
    if any(_is_within(folder, one) for one in strangers):
        raise CourseError(
            f"{given} lies in a folder of submissions, so it is not taken for a course: name one "
            "that lies elsewhere"
        )
    parts = [folder.name]
    while (folder.parent / "__init__.py").is_file():
        folder = folder.parent
        parts.insert(0, folder.name)
    if wrong := next((part for part in parts if not part.isidentifier()), ""):
        raise CourseError(f"{wrong!r} is not the name of a Python package: rename that folder")
    return str(folder.parent / ".".join(parts))


def _folders(paths: Iterable[Path]) -> set[Path]:
    return {path.resolve() for path in paths if path.is_dir()}


def _is_within(path: Path, folder: Path) -> bool:
    return path.resolve().is_relative_to(folder)


def _is_installed(name: str) -> bool:
    top = name.partition(".")[0]
    return any(  # what is imported already may have come from a folder
        finder.find_spec(top, None) is not None
        for finder in sys.meta_path
        if not isinstance(finder, _OneFolder) and hasattr(finder, "find_spec")
    )


def _holds_submissions(folder: Path) -> bool:
    return any(name.lower().endswith(_HANDED_IN) for name in os.listdir(folder))


def _marked(marker: Path) -> str:
    """The course that a marker file names; "" where there is none."""
    try:
        if not marker.is_file() or marker.stat().st_size > _MAX_MARKER:
            return ""
        found = tomllib.loads(marker.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return ""
    tool = found.get("tool")
    ours = tool.get("moelab") if isinstance(tool, dict) else None
    name = ours.get("course") if isinstance(ours, dict) else None
    if not isinstance(name, str) or not all(part.isidentifier() for part in name.split(".")):
        return ""
    return name
