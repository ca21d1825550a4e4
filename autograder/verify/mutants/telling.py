"""What came of the mutants: per exercise, as lines for people, as a table and as data."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autograder.authoring.exercise import Equivalent
from autograder.verify.mutants.making import Mutant, Original
from autograder.verify.mutants.trying import Fate


@dataclass(frozen=True, slots=True)
class Tally:
    """One exercise: every mutant that was tried, with its fate; `left` were not tried."""

    original: Original
    fates: tuple[tuple[Mutant, Fate], ...]
    left: int = 0

    @property
    def name(self) -> str:
        return self.original.exercise.name

    @property
    def killed(self) -> int:
        return sum(fate.killed for _, fate in self.fates)

    @property
    def equivalent(self) -> tuple[Mutant, ...]:
        """Survivors that the exercise explains."""
        return tuple(mutant for mutant in self._alive if self._reasons(mutant))

    @property
    def survivors(self) -> tuple[Mutant, ...]:
        """Survivors that nothing explains."""
        return tuple(mutant for mutant in self._alive if not self._reasons(mutant))

    @property
    def stale(self) -> tuple[Equivalent, ...]:
        """Explanations of what is no mutant any more, or is killed after all."""
        used = {reason for mutant in self._alive for reason in self._reasons(mutant)}
        return tuple(r for r in self.original.exercise.equivalents if r not in used)

    @property
    def ok(self) -> bool:
        """Whether every mutant was tried, and is killed or explained."""
        return not (self.survivors or self.stale or self.left)

    @property
    def _alive(self) -> list[Mutant]:
        return [mutant for mutant, fate in self.fates if not fate.killed]

    def _reasons(self, mutant: Mutant) -> list[Equivalent]:
        return [one for one in self.original.exercise.equivalents if _explains(one, mutant)]


def findings(tally: Tally, root: Path) -> Iterator[str]:
    """What to repair in an exercise: survivors with their lines, and stale explanations."""
    path = _short(tally.original.path, root)
    for mutant in tally.survivors:
        yield "\n".join(
            [
                f"{path}:{mutant.line}: {tally.name}: no check sees this change ({mutant.tool}). "
                "Add one that does, or say with `exercise.equivalent` why it makes no difference:",
                *(f"  - {line}" for line in mutant.was.splitlines()),
                *(f"  + {line}" for line in mutant.becomes.splitlines()),
            ]
        )
    for one in tally.stale:
        yield (
            f"{path}: {tally.name}: no change that survives turns {one.line!r} into "
            f"{one.becomes or 'anything else'!r}. Take out that `exercise.equivalent`."
        )


def table(tallies: Sequence[Tally]) -> str:
    """The table per exercise, as Markdown."""
    rows = [
        [len(one.fates), one.killed, len(one.equivalent), len(one.survivors)] for one in tallies
    ]
    sums = [sum(column) for column in zip(*rows, strict=True)]
    lines = [
        "| exercise | mutants | killed | equivalent | survivors | killed of the others |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    names = [one.name for one in tallies]
    for name, numbers in zip((*names, "all"), (*rows, sums), strict=True):
        mutants, killed, equivalent, _ = numbers
        cells = " | ".join(map(str, numbers))
        lines.append(f"| {name} | {cells} | {_share(killed, mutants - equivalent)} |")
    return "\n".join(lines) + "\n"


def as_data(tallies: Sequence[Tally], root: Path) -> dict[str, Any]:
    """Everything, for a JSON file."""
    return {
        "format_version": 1,
        "exercises": [
            {
                "name": tally.name,
                "mutants": len(tally.fates) + tally.left,
                "not_tried": tally.left,
                "killed": tally.killed,
                "equivalent": [_plain(tally, mutant, root) for mutant in tally.equivalent],
                "survivors": [_plain(tally, mutant, root) for mutant in tally.survivors],
                "stale": [{"line": one.line, "becomes": one.becomes} for one in tally.stale],
            }
            for tally in tallies
        ],
    }


def _plain(tally: Tally, mutant: Mutant, root: Path) -> dict[str, Any]:
    return {
        "digest": mutant.digest,
        "file": _short(tally.original.path, root),
        "line": mutant.line,
        "tool": mutant.tool,
        "was": mutant.was,
        "becomes": mutant.becomes,
    }


def _share(part: int, whole: int) -> str:
    """A share as a percentage, rounded down: 100 % is said only where it is exact."""
    return f"{1000 * part // whole / 10:g} %" if whole else "–"


def _explains(one: Equivalent, mutant: Mutant) -> bool:
    if _squeezed(one.line) != _squeezed(mutant.was):
        return False
    return not one.becomes or _squeezed(one.becomes) == _squeezed(mutant.becomes)


def _squeezed(text: str) -> str:
    return " ".join(text.split())


def _short(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path)
