"""Variations of a complete solution: small changes that keep it right, or make it wrong.

In `tests/solutions`, `variants/<exercise>.txt` holds other right ways, `slips/<exercise>.txt`
mistakes, each against one sentence of the contract. Both were written from the contract, before the
checks were read:

    # name: what the contract says
    - text of the solution, which must stand there once
    + text that takes its place
    | code that comes after the solution
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SOLUTIONS = Path(__file__).resolve().parents[1] / "solutions"
BASES = {
    "moe_router_analysis": SOLUTIONS / "hooks_and_einsum.py",
    "moe_routing_in_practice": SOLUTIONS / "in_practice.py",
}


@dataclass(frozen=True, slots=True)
class Variation:
    """One change of a solution, for the sake of one exercise."""

    base: Path
    exercise: str
    name: str
    contract: str
    changes: tuple[tuple[str, str], ...]
    after: str

    def function(self) -> Any:
        """The exercise's function of the changed solution; `ValueError` if a text is not there."""
        source = self.base.read_text(encoding="utf-8")
        for old, new in self.changes:
            if source.count(old) != 1:
                times = source.count(old)
                raise ValueError(f"{self.exercise}, {self.name}: {old!r} stands {times} times")
            source = source.replace(old, new)
        namespace: dict[str, Any] = {"__name__": self.name}
        exec(compile(f"{source}\n\n{self.after}\n", self.name, "exec"), namespace)
        return namespace[self.exercise]


def variations(kind: str, assignment: str, exercise: str) -> list[Variation]:
    """The variations of one kind, "slips" or "variants", of one exercise of an assignment.

    An exercise need not have any: they are evidence where somebody has written them.
    """
    file = SOLUTIONS / kind / f"{exercise}.txt"
    return list(read_variations(file, BASES[assignment], exercise)) if file.is_file() else []


def read_variations(file: Path, base: Path, exercise: str) -> Iterator[Variation]:
    """The variations of `base` in a file."""
    for entry in file.read_text(encoding="utf-8").removeprefix("# ").split("\n# "):
        head, *lines = filter(None, entry.splitlines())
        name, _, contract = head.partition(": ")
        yield Variation(base, exercise, name, contract, tuple(_changes(lines)), _marked(lines, "|"))


def _changes(lines: list[str]) -> Iterator[tuple[str, str]]:
    """The pairs of old and new text: a `-` line after a `+` line begins the next pair."""
    marks = "".join(line[:1] for line in lines)
    for pair in re.finditer(r"-+\+*", marks):
        part = lines[pair.start() : pair.end()]
        yield _marked(part, "-"), _marked(part, "+")


def _marked(lines: list[str], mark: str) -> str:
    """The lines with this mark, without it."""
    return "\n".join(line[2:] for line in lines if line.startswith(mark))
