"""An assignment: prose and exercises in the order in which a student meets them."""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from autograder.authoring.exercise import Check, Exercise
from autograder.authoring.promises import Promise, promises_in
from autograder.courses import packages_for

PROSE = "prose"  # the folder of an assignment that holds its Markdown
PARTS_OF_AN_EXERCISE = ("checks", "answers", "equivalents")
Routing = list[tuple[str, torch.Tensor, torch.Tensor]]


@dataclass(frozen=True, slots=True)
class Prose:
    """A Markdown file in the assignment's folder `prose/`, named without that folder.

    Its fenced `python` blocks become code cells.
    """

    file: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """One lab. `folder` holds its modules and prose; `requirements` are the student's packages.

    `parts` are the exercises and the prose in order; an exercise is also known by its name, which
    is that of its folder: `parts=(Prose("introduction.md"), "expert_load")`. What the notebook
    itself needs is added to the `requirements`.

    An exercise is a package: its statement and solution stand in `__init__`, and its modules
    `checks`, `answers` and `equivalents` are imported here, as far as they exist.

    `closing` is what a student reads below the cell that packs the notebook, `hours` the time that
    the lab takes, in words.

    `routing` is for models with real weights, whose routing no closed form tells: given a model,
    `input_ids` and `attention_mask` (int64 [B, S]) it returns, for each router in order, its
    qualified name, its logits [T, E] and its choice [T, E] as bool.
    """

    name: str
    title: str
    folder: Path
    parts: tuple[Prose | Exercise | str, ...]
    requirements: tuple[str, ...] = ()
    closing: tuple[Prose, ...] = ()
    hours: str = ""
    routing: Callable[[nn.Module, torch.Tensor, torch.Tensor], Routing] | None = None

    def __post_init__(self) -> None:
        order = tuple(self._named(part) if isinstance(part, str) else part for part in self.parts)
        object.__setattr__(self, "parts", order)
        for exercise in self.exercises:
            if exercise.reference is None:
                continue  # `load_assignment` says so
            package = importlib.import_module(exercise.module_name)
            if hasattr(package, "__path__"):
                for part in PARTS_OF_AN_EXERCISE:
                    name = f"{package.__name__}.{part}"
                    if importlib.util.find_spec(name) is not None:
                        importlib.import_module(name)

    def _named(self, name: str) -> Exercise:
        """The exercise that a folder of the assignment declares; `ValueError` where none does."""
        package = _package_at(self.folder)
        path = self.folder / name / "__init__.py"
        if importlib.util.find_spec(f"{package}.{name}") is None:
            raise ValueError(f"{self.name}: `parts` names {name!r}, and there is no {path}")
        found = getattr(importlib.import_module(f"{package}.{name}"), "exercise", None)
        if not isinstance(found, Exercise):
            raise ValueError(f"{path}: declare `exercise = Exercise({name!r})` in it")
        return found

    @property
    def order(self) -> tuple[Prose | Exercise, ...]:
        """The parts, each exercise as the object that declares it."""
        return tuple(part for part in self.parts if not isinstance(part, str))

    @property
    def exercises(self) -> tuple[Exercise, ...]:
        """The exercises alone, in order."""
        return tuple(part for part in self.order if isinstance(part, Exercise))

    @property
    def prose(self) -> tuple[Path, ...]:
        """The files of the prose, in order."""
        parts = (*self.order, *self.closing)
        return tuple(self.folder / PROSE / p.file for p in parts if isinstance(p, Prose))

    @property
    def rules(self) -> tuple[Promise, ...]:
        """The list items with a key in the prose: promises that hold for all exercises."""
        texts = (path.read_text(encoding="utf-8") for path in self.prose if path.is_file())
        return tuple(rule for text in texts for rule in promises_in(text) if rule.key)

    @property
    def packages(self) -> tuple[str, ...]:
        """What students have besides `moelab_kit`: see `packages` in the course's `__init__.py`."""
        return packages_for(self.exercises[0].module_name) if self.exercises else ()

    @property
    def possible(self) -> float:
        """The points of all exercises together."""
        return sum(exercise.possible for exercise in self.exercises)

    def sentences(self, exercise: Exercise, check: Check) -> tuple[str, ...]:
        """What students read of the promises that a check of an exercise proves.

        Rules for all exercises are left out where the exercise itself says something.
        """
        for promises in (exercise.promises, self.rules):
            said = {promise.key: promise.sentence for promise in promises if promise.key}
            if found := tuple(said[key] for key in check.proves if key in said):
                return found
        return ()

    def exercise(self, name: str) -> Exercise:
        """The exercise of this name; `KeyError` where there is none."""
        for exercise in self.exercises:
            if exercise.name == name:
                return exercise
        raise KeyError(name)


def _package_at(folder: Path) -> str:
    """The name of the imported package that lies in a folder."""
    wanted = os.path.abspath(folder)
    for name, module in list(sys.modules.items()):
        places = getattr(module, "__path__", ())
        if isinstance(places, list) and wanted in map(os.path.abspath, places):
            return name
    raise ValueError(f"{folder}: no imported package lies there; write `Path(__file__).parent`")
