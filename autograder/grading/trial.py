"""Grading a submission whose answers may have ended the grader's own process, once or more often.

Such a submission is graded by itself, with a journal on disk of the check that is under way. When
the process ends again, the journal tells at which check; the next attempt does not run that check
on the submission's answers any more, but asks whose fault it was.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

Place = tuple[str, str]  # an exercise and one of its checks, by name


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One attempt: where to write what is under way, and where earlier attempts ended."""

    journal: str
    deaths: tuple[Place, ...] = ()

    def begin(self, place: Place) -> None:
        """Write down which check is under way."""
        Path(self.journal).write_text("\n".join(place), encoding="utf-8")

    def ended_at(self) -> Place | None:
        """The check that was under way; None where the attempt had not come to any."""
        words = Path(self.journal).read_text(encoding="utf-8").split("\n")
        return (words[0], words[1]) if len(words) == 2 else None
