"""Which files a sandboxed process may read: Python, its packages and the system's libraries.

What belongs to the grader is hidden even where it lies inside one of these folders, as it does
when moelab is installed into site-packages: as a wheel, in a checkout that a `.pth` file, an
`.egg-link` or an editable finder leads to, in a zip archive, or as several of these at once. All of
them hold the reference solutions.
"""

from __future__ import annotations

import json
import os
import re
import site
import sys
import sysconfig
import zipfile
from collections.abc import Iterable, Iterator, Set
from functools import lru_cache
from pathlib import Path
from urllib.parse import unquote, urlsplit

from autograder.courses import folder_of, is_course, name_of, root_of
from autograder.inside.rootfs import is_within

SYSTEM_LIBRARIES = (
    "/lib",
    "/lib32",
    "/lib64",
    "/usr/lib",
    "/usr/lib32",
    "/usr/lib64",
    "/etc/ld.so.cache",
    "/etc/localtime",
    "/usr/share/zoneinfo",
    "/usr/share/fonts",
)


def library_paths(more: Iterable[str] = ()) -> tuple[str, ...]:
    """The folders and files that submissions need to import libraries, outermost first."""
    folders = {
        sysconfig.get_path("stdlib"),
        sysconfig.get_path("platstdlib"),
        sysconfig.get_config_var("LIBDIR"),
        str(Path(sys.base_prefix) / "lib"),
        *_site_folders(),
        *SYSTEM_LIBRARIES,
        *more,
    }
    existing = {path for path in folders if path and os.path.exists(path)}
    real = {os.path.realpath(path) for path in existing}
    return tuple(sorted(existing | real, key=lambda path: (path.count("/"), path)))


def secret_paths(course: str, extra: Iterable[Path] = ()) -> tuple[str, ...]:
    """What must not be read: engine, courses, the checkouts that they lie in, and of `extra`
    (submissions, …) whatever lies in a folder that is shown.
    """
    sites = tuple(sorted(set(_site_folders())))
    found = set(hidden_copies(name_of(course).partition(".")[0], sites))
    if root_of(course) is not None:
        found.add(str(folder_of(course)))
    checkouts = {os.path.dirname(path) for path in found} - set(sites)
    found |= {
        path
        for path in checkouts
        if not _holds_a_library(path) and not any(is_within(path, site) for site in sites)
    }
    shown = library_paths()
    found |= {
        path
        for path in map(os.path.realpath, extra)
        if any(is_within(path, library) for library in shown) and not _holds_a_library(path)
    }
    return tuple(sorted(found | {os.path.realpath(path) for path in found}))


def _site_folders() -> Iterator[str]:
    offered = [*site.getsitepackages(), site.getusersitepackages(), *sys.path]
    for path in offered:
        if Path(path).name in ("site-packages", "dist-packages") and os.path.isdir(path):
            yield path


def _holds_a_library(path: str) -> bool:
    """Whether hiding this folder would hide Python itself (a virtual environment inside it)."""
    inside = [*_site_folders(), sysconfig.get_path("stdlib")]
    return any(library != path and is_within(library, path) for library in inside)


OWN_PACKAGES = ("autograder", "reference", "tests")
OWN_PROJECT = "moelab"
_QUOTED = re.compile(r"""['"](/[^'"\n]+)['"]""")  # a path in the source of an editable finder
_REQUIRES = re.compile(rf"^Requires-Dist: {OWN_PROJECT}(?![\w.-])", re.IGNORECASE | re.MULTILINE)
_LEFT_BY_US = (f"{OWN_PROJECT}-*", f"*__editable__*{OWN_PROJECT}*", f"_{OWN_PROJECT}*.pth")


@lru_cache
def hidden_copies(course_package: str, sites: tuple[str, ...]) -> frozenset[str]:
    """Paths of every copy of the engine, of the named course and of other courses.

    `sites` are the folders that libraries are installed in. Nothing is imported to find out.
    """
    names = {*OWN_PACKAGES, course_package}
    found = {path for place in _places(sites) for path in _copies_at(place, names)}
    for folder in map(Path, sites):
        found |= {str(one) for one in _entries(folder) if is_course(one)}
        for installation in [*folder.glob("*.dist-info"), *folder.glob("*.egg-info")]:
            if _is_ours(installation, names):
                found |= _of_installation(installation, folder)
        for pattern in (*_LEFT_BY_US, *(f"__pycache__/{one}" for one in _LEFT_BY_US)):
            found |= {str(path) for path in folder.glob(pattern)}
    return frozenset(found)


def _entries(folder: Path) -> list[Path]:
    try:
        return [Path(entry.path) for entry in os.scandir(folder) if entry.is_dir()]
    except OSError:
        return []


def _places(sites: Iterable[str]) -> set[Path]:
    """The folders and archives that Python may import from, here or in a fresh process."""
    found = {Path(entry) for entry in sys.path if os.path.isabs(entry)}
    for folder in map(Path, sites):
        found.add(folder)
        for link in [*folder.glob("*.pth"), *folder.glob("*.egg-link")]:
            lines = (line.strip() for line in _text(link).splitlines())
            found |= {
                folder / line for line in lines if line and not line.startswith(("import", "#"))
            }
        for finder in folder.glob("__editable__*.py"):
            found |= {Path(path).parent for path in _QUOTED.findall(_text(finder))}
        for origin in folder.glob("*.dist-info/direct_url.json"):
            found |= _sources(origin)
    return found


def _sources(origin: Path) -> set[Path]:
    """The folder that a package was installed from; of a `src` layout, that below it as well."""
    try:
        url = urlsplit(str(json.loads(_text(origin)).get("url", "")))
    except (ValueError, AttributeError, RecursionError):
        return set()
    if url.scheme != "file":
        return set()
    folder = Path(unquote(url.path))
    return {folder, folder / "src"} if folder.is_dir() else set()


def _copies_at(place: Path, names: Set[str]) -> Iterator[str]:
    """What must be hidden of one entry of a path."""
    if place.is_dir():
        for name in names:
            for path in (place / name, place / f"{name}.py"):
                if path.exists() and _is_a_package(path):
                    yield str(path)
    elif place.is_file() and _archive_holds(place, names):
        yield str(place)


def _is_a_package(path: Path) -> bool:
    """Whether there is Python in it: `tests` beside a library is nobody's secret, but not read."""
    return path.is_file() or any(path.glob("*.py")) or any(path.glob("*/*.py"))


def _archive_holds(archive: Path, names: Set[str]) -> bool:
    try:
        with zipfile.ZipFile(archive) as opened:
            return any(re.split(r"[/.]", name)[0] in names for name in opened.namelist())
    except (OSError, ValueError, zipfile.BadZipFile, NotImplementedError):
        return False


def _is_ours(installation: Path, names: Set[str]) -> bool:
    """Whether an installed project is moelab, needs it, or brings a package of one of the names."""
    if installation.name.lower().startswith((f"{OWN_PROJECT}-", f"{OWN_PROJECT}.")):
        return True
    about = installation if installation.is_file() else installation / "METADATA"
    if _REQUIRES.search(_text(about)):
        return True
    names = names - {"tests"}  # which many projects bring by mistake
    top = set(_text(installation / "top_level.txt").split())
    record = _text(installation / "RECORD")
    return bool(names & top) or any(f"\n{name}/" in f"\n{record}" for name in names)


def _of_installation(installation: Path, site: Path) -> set[str]:
    """The files of an installed project, each package as a whole, and what is noted about it."""
    found = {str(installation)}
    for line in _text(installation / "RECORD").splitlines():
        first, _, rest = line.partition(",")[0].strip('"').partition("/")
        if first in ("", "..", "__pycache__", installation.name):
            continue
        if not rest or (site / first / "__init__.py").is_file():
            found.add(str(site / first))
        else:  # a namespace that others may share
            found.add(str(site / line.partition(",")[0].strip('"')))
    return found


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
