"""Wrong answers that somebody else wrote, each with the known-wrong solution that it should be
named as.

`<assignment>.txt` holds the repository's chaffs, rewritten as changes of a solution in another
style. `slips.txt` says which of the independent slips in `tests/solutions/slips` are the same
misconception as a chaff, and of which slips no chaff knows.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Any

from autograder.authoring.course import load_assignment

HERE = Path(__file__).parent
SOLUTIONS = HERE.parent / "solutions"
BASES = {
    "moe_router_analysis": SOLUTIONS / "numpy_minded.py",
    "moe_routing_in_practice": HERE / "loops_in_practice.py",
}


@dataclass(frozen=True, slots=True)
class Wrong:
    """A wrong function for one exercise; `chaff` is what it should be named, "" for nothing."""

    assignment: str
    exercise: str
    name: str
    chaff: str
    function: Callable[[], Any]


def rewritten(assignment: str) -> Iterator[Wrong]:
    """The chaffs of an assignment in another style."""
    read = _variations()._read
    for entry in read(HERE / f"{assignment}.txt", BASES[assignment], ""):
        function = replace(entry, exercise=entry.name).function
        yield Wrong(assignment, entry.name, entry.contract, entry.contract, function)


def slips() -> Iterator[Wrong]:
    """The independent slips of all assignments, each with the chaff that it repeats."""
    labels = {}
    for line in (HERE / "slips.txt").read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            exercise, slip, chaff = line.split()
            labels[exercise, slip] = chaff
    known = _variations()
    for assignment in BASES:
        for lesson in load_assignment(assignment).exercises:
            file = SOLUTIONS / "slips" / f"{lesson.name}.txt"
            for entry in known._read(file, known.BASES[assignment], lesson.name):
                chaff = labels.pop((lesson.name, entry.name), "")
                yield Wrong(assignment, lesson.name, entry.name, chaff, entry.function)
    if labels:
        raise ValueError(f"slips.txt knows slips that are not there: {sorted(labels)}")


def _variations() -> ModuleType:
    """The reader of variations, which stands with the solutions that they vary."""
    name = "variations_of_solutions"
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, SOLUTIONS / "conftest.py")
        if spec is None or spec.loader is None:
            raise ImportError(name)
        sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[name])
    return sys.modules[name]
