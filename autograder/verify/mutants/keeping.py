"""Results that outlive a run: one line of JSON for each mutant and revision of the course."""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from pathlib import Path

from autograder.verify.mutants.making import Mutant
from autograder.verify.mutants.trying import Fate


def usual_place() -> Path:
    """The file in the user's cache folder."""
    caches = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(caches) / "moelab" / "mutants.jsonl"


class Kept:
    """Fates by mutant and revision, in a file that only grows.

    A line is written as soon as a fate is known. A last line that was cut off is nothing.
    """

    def __init__(self, path: Path, revision: str) -> None:
        self.path = path
        self._revision = revision
        self._fates: dict[str, Fate] = {}
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a+", encoding="utf-8") as file:
            if file.tell():
                file.seek(0)
                for line in file:
                    self._read(line)
                file.write("" if line.endswith("\n") else "\n")

    def fate(self, mutant: Mutant) -> Fate | None:
        """What came of this mutant in an earlier run of the same revision; None if unknown."""
        return self._fates.get(mutant.digest)

    def keep(self, mutant: Mutant, fate: Fate) -> None:
        """Write a fate down."""
        self._fates[mutant.digest] = fate
        line = {"mutant": mutant.digest, "revision": self._revision, **asdict(fate)}
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")

    def _read(self, line: str) -> None:
        try:
            match json.loads(line):
                case {
                    "mutant": str(digest),
                    "revision": self._revision,
                    "check": str(check),
                    "outcome": str(outcome),
                }:
                    self._fates[digest] = Fate(check, outcome)
        except ValueError:
            return
