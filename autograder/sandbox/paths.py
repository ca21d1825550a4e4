"""Which files a sandboxed process may read: Python, its packages and the system's libraries.

What belongs to the grader is hidden even where it lies inside one of these folders, as it does
when moelab is installed into site-packages.
"""

from __future__ import annotations

import os
import site
import sys
import sysconfig
from collections.abc import Iterable, Iterator
from pathlib import Path

from autograder.courses import folder_of, name_of, root_of
from autograder.inside.rootfs import is_within
from autograder.sandbox.hiding import hidden_copies

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
