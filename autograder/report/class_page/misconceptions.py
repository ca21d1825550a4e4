"""The class's misconceptions: which known-wrong solutions submissions behave like, how often."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from autograder.report.class_page.entries import Entry


@dataclass(frozen=True, slots=True, kw_only=True)
class Misconception:
    """A misconception in one exercise, what helps against it, and whose submissions show it."""

    exercise: str
    misconception: str
    hint: str
    shown_by: tuple[Entry, ...]


def misconceptions(all_entries: Iterable[Entry]) -> tuple[Misconception, ...]:
    """The misconceptions of the submissions that count, commonest first."""
    shown: dict[tuple[str, str], dict[str, Entry]] = {}
    hints: dict[tuple[str, str], str] = {}
    for entry in all_entries:
        for name, earned in entry.points.items() if entry.grade.counts else ():
            for check in earned.exercise.checks:
                if check.misconception:
                    key = (name, check.misconception)
                    shown.setdefault(key, {})[entry.anchor] = entry
                    hints[key] = hints.get(key) or check.hint
    found = (
        Misconception(
            exercise=key[0], misconception=key[1], hint=hints[key], shown_by=tuple(whose.values())
        )
        for key, whose in shown.items()
    )
    return tuple(sorted(found, key=lambda slip: -len(slip.shown_by)))
