"""Wrong answers that somebody else wrote, each with the known-wrong solution that it should be
named as.

In `tests/misconceptions`, `<assignment>.txt` holds the repository's chaffs, rewritten as changes of
a solution in another style. `slips.txt` says which of the independent slips in
`tests/solutions/slips` are the same misconception as a chaff, and of which slips no chaff knows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from variations import SOLUTIONS, read_variations, variations

from autograder.authoring.course import load_assignment

HERE = Path(__file__).resolve().parents[1] / "misconceptions"
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
    for entry in read_variations(HERE / f"{assignment}.txt", BASES[assignment], ""):
        function = replace(entry, exercise=entry.name).function
        yield Wrong(assignment, entry.name, entry.contract, entry.contract, function)


def slips() -> Iterator[Wrong]:
    """The independent slips of all assignments, each with the chaff that it repeats."""
    labels = {}
    for line in (HERE / "slips.txt").read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            exercise, slip, chaff = line.split()
            labels[exercise, slip] = chaff
    for assignment in BASES:
        for lesson in load_assignment(assignment).exercises:
            for entry in variations("slips", assignment, lesson.name):
                chaff = labels.pop((lesson.name, entry.name), "")
                yield Wrong(assignment, lesson.name, entry.name, chaff, entry.function)
    if labels:
        raise ValueError(f"slips.txt knows slips that are not there: {sorted(labels)}")
