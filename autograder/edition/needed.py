"""What students install: the author's requirements, and whatever else notebook and README need."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from autograder.authoring.assignment import Assignment
from autograder.edition.errors import BuildError


def needed_by(assignment: Assignment) -> tuple[str, ...]:
    """The lines of a lab's `requirements.txt`: the author's, then those of the lab's packages.

    What the author names is left as it is. Raises `BuildError` for a line that pip could not read,
    and for one that leaves out every version that the lab's packages can use.
    """
    own = {_named(line, assignment): line for line in assignment.requirements}
    brought = {_named(line, assignment): line for line in _of_packages(assignment)}
    for name in own.keys() & brought.keys():
        _must_meet(own[name], brought[name], assignment)
    lines = brought | own
    return tuple(lines[name] for name in dict.fromkeys((*own, *brought)))


def _of_packages(assignment: Assignment) -> Iterator[str]:
    for name in (*assignment.packages, "moelab_kit"):
        yield from getattr(import_module(name), "NEEDS", ())


def _named(line: str, assignment: Assignment) -> str:
    try:
        return canonicalize_name(Requirement(line).name)
    except InvalidRequirement as error:
        raise BuildError(
            f"{assignment.name}: the requirement {line!r} is none that pip can read; write it as "
            "`numpy>=1.26`"
        ) from error


def _must_meet(own: str, brought: str, assignment: Assignment) -> None:
    """Refuse an upper bound or an exact version that is below what the packages need."""
    least = Requirement(brought).specifier
    exact = [one.version for one in Requirement(own).specifier if one.operator in ("==", "===")]
    below = [one.version for one in Requirement(own).specifier if one.operator in ("<", "<=")]
    lowest = [one.version for one in least if one.operator == ">="]
    too_old = any(not version.endswith("*") and version not in least for version in exact)
    too_old |= any(Version(most) <= Version(low) for most in below for low in lowest)
    if too_old:
        raise BuildError(
            f"{assignment.name}: the requirement {own!r} leaves out what the lab's packages need, "
            f"{brought!r}; change it in `requirements` of the assignment"
        )
