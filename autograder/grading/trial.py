"""One attempt at a submission, whose answers may end the grader's own process.

Each attempt keeps a journal on disk of the check that is under way. When the process ends, the
journal tells at which check. A death alone proves nothing: somebody may have ended the process. The
next attempt, while no other submission is graded, runs that check again; if the process ends there
once more, the attempt after that asks whose fault it is instead.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

Place = tuple[str, str]  # an exercise and one of its checks, by name
DEATHS_TO_DOUBT = 2  # at the same check, before the answers are no longer given to it
_EXTRAS = "extras"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One attempt: where to write what is under way, and where earlier attempts ended.

    Without `extras` there are no hints and pictures: an earlier attempt ended at these. `alone`:
    no other submission is graded meanwhile, so that none can have taken what this one lacks.
    """

    journal: str
    deaths: tuple[Place, ...] = ()
    extras: bool = True
    alone: bool = False

    def begin(self, place: Place) -> None:
        """Write down which check is under way."""
        Path(self.journal).write_text("\n".join(place), encoding="utf-8")

    def begin_extras(self) -> None:
        """Write down that all checks are done, and hints and pictures are under way."""
        Path(self.journal).write_text(_EXTRAS, encoding="utf-8")

    def ended_at(self) -> Place | None:
        """The check that was under way; None where the attempt was not at any."""
        words = self._written().split("\n")
        return (words[0], words[1]) if len(words) == 2 else None

    def ended_at_extras(self) -> bool:
        """Whether hints and pictures were under way."""
        return self._written() == _EXTRAS

    def deaths_at(self, place: Place) -> int:
        """How many earlier attempts ended at a check."""
        return self.deaths.count(place)

    def _written(self) -> str:
        journal = Path(self.journal)
        return journal.read_text(encoding="utf-8") if journal.exists() else ""
