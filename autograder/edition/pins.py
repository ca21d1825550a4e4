"""Which packages the engine needs, and their exact versions: what an autograder package installs.

In a checkout both are sources (`pyproject.toml`, `constraints.txt`); an installed moelab takes them
from the environment that it runs in.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import autograder
from autograder.edition.errors import BuildError

_NAME = "moelab"
_GRADING = "otter-grader[grading]"  # with the kernel and the rest of what `otter run` needs


def requirements(checkout: Path | None) -> list[Requirement]:
    """What the engine needs at run time on Linux, with what Otter needs for grading."""
    if checkout is not None:
        project = tomllib.loads((checkout / "pyproject.toml").read_text(encoding="utf-8"))
        lines = project["project"]["dependencies"]
    else:
        lines = metadata.requires(_NAME) or []
    grading = Requirement(_GRADING)
    found = [grading, *(Requirement(line) for line in lines)]
    environment = {"sys_platform": "linux", "extra": ""}
    return [
        one
        for one in found
        if (one.marker is None or one.marker.evaluate(environment))
        and (one is grading or one.name != grading.name)
    ]


def sources() -> Path | None:
    """The folder of moelab's sources, None where it is installed without them."""
    folder = Path(autograder.__file__).resolve().parents[1]
    return folder if (folder / "pyproject.toml").is_file() else None


def pinned(name: str) -> str:
    """The exact version of one package; `BuildError` where none is known."""
    checkout = sources()
    if checkout is not None:
        known = _pins_of((checkout / "constraints.txt").read_text(encoding="utf-8").splitlines())
        if canonicalize_name(name) in known:
            return known[canonicalize_name(name)]
    try:
        return metadata.version(name).partition("+")[0]
    except metadata.PackageNotFoundError as error:
        raise BuildError(f"{name} is not installed here, so its version is not known") from error


def pins(checkout: Path | None) -> dict[str, str]:
    """An exact version by canonical name, for everything that the engine needs and what that needs.

    Raises `BuildError` where a version is not known.
    """
    needed = requirements(checkout)
    if checkout is not None:
        known = _pins_of((checkout / "constraints.txt").read_text(encoding="utf-8").splitlines())
    else:
        known = _installed(needed)
    missing = [one.name for one in needed if canonicalize_name(one.name) not in known]
    if missing:
        raise BuildError(
            f"constraints.txt has no version of {missing[0]}, which pyproject.toml asks for: add it"
        )
    return known


def check_pins() -> None:
    """Raise `BuildError` where not every version is known that an autograder package needs."""
    pins(sources())


def _pins_of(lines: Iterable[str]) -> dict[str, str]:
    found = (re.match(r"([A-Za-z0-9._-]+)==([^\s;+]+)", line) for line in lines)
    return {canonicalize_name(one[1]): one[2] for one in found if one}


def _installed(needed: Iterable[Requirement]) -> dict[str, str]:
    """The versions that are installed here, of some packages and of all that they need."""
    found: dict[str, str] = {}
    waiting = list(needed)
    while waiting:
        requirement = waiting.pop()
        name = canonicalize_name(requirement.name)
        extras = sorted(requirement.extras) or [""]
        try:
            distribution = metadata.distribution(name)
        except metadata.PackageNotFoundError as error:
            raise BuildError(
                f"{requirement.name} is not installed, so no autograder package can be made: "
                "install what `moelab build` needs (pip install 'moelab[build]'; in a checkout "
                "pip install '.[build]')"
            ) from error
        if name in found and not requirement.extras:
            continue
        found[name] = distribution.version.partition("+")[0]
        for line in distribution.requires or ():
            one = Requirement(line)
            if one.marker is None or any(one.marker.evaluate({"extra": e}) for e in extras):
                waiting.append(one)
    return found
