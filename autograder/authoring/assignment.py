"""An assignment: prose and exercises in the order in which a student meets them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from autograder.authoring.exercise import Exercise


@dataclass(frozen=True, slots=True)
class Prose:
    """A Markdown file beside the assignment; its fenced `python` blocks become code cells."""

    file: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """One lab. `folder` holds its modules and prose; `requirements` are the student's packages."""

    name: str
    title: str
    folder: Path
    parts: tuple[Prose | Exercise, ...]
    requirements: tuple[str, ...]

    @property
    def exercises(self) -> tuple[Exercise, ...]:
        """The exercises alone, in order."""
        return tuple(part for part in self.parts if isinstance(part, Exercise))

    @property
    def possible(self) -> float:
        """The points of all exercises together."""
        return sum(exercise.possible for exercise in self.exercises)

    def exercise(self, name: str) -> Exercise:
        """The exercise of this name; `KeyError` where there is none."""
        for exercise in self.exercises:
            if exercise.name == name:
                return exercise
        raise KeyError(name)
