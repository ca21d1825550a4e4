"""Known slips: small changes of a right solution, each against one sentence of the contract.

They were written from the contract, before the checks were read. `slips/<exercise>.txt` holds them,
one after the other:

    # name: what the contract says
    - text of the solution, which must stand there once
    + text that takes its place
    | code that comes after the solution

A slip that still earns every point of its exercise is a hole in the checks.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).with_suffix("")


@dataclass(frozen=True, slots=True)
class Slip:
    """One change of a solution, in the exercise whose points it must cost."""

    exercise: str
    name: str
    breaks: str
    changes: tuple[tuple[str, str], ...]
    after: str

    def applied_to(self, source: str) -> str:
        """The solution with the slip in it; `ValueError` where a text does not stand there once."""
        for old, new in self.changes:
            if source.count(old) != 1:
                raise ValueError(
                    f"{self.exercise}, {self.name}: {old!r} stands {source.count(old)} times"
                )
            source = source.replace(old, new)
        return f"{source}\n\n{self.after}\n" if self.after else source


def read_slips(exercise: str) -> Iterator[Slip]:
    """The slips of one exercise, in the order of its file."""
    text = (FOLDER / f"{exercise}.txt").read_text(encoding="utf-8")
    for entry in text.removeprefix("# ").split("\n# "):
        head, *lines = filter(None, entry.splitlines())
        name, _, breaks = head.partition(": ")
        yield Slip(exercise, name, breaks, tuple(_changes(lines)), _marked(lines, "|"))


def _changes(lines: list[str]) -> Iterator[tuple[str, str]]:
    """The pairs of old and new text: a `-` line after a `+` line begins the next pair."""
    marks = "".join(line[:1] for line in lines)
    for pair in re.finditer(r"-+\+*", marks):
        part = lines[pair.start() : pair.end()]
        yield _marked(part, "-"), _marked(part, "+")


def _marked(lines: list[str], mark: str) -> str:
    """The lines with this mark, without it."""
    return "\n".join(line[2:] for line in lines if line.startswith(mark))
