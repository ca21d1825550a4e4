"""What came of trying the solutions of one exercise: the facts that the rules read."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from autograder.authoring.exercise import Exercise
from autograder.records import CheckResult, Outcome
from autograder.verify.records import Finding, Rule
from autograder.verify.solutions import Solution

Round = str  # a seed, or the words for the repeated run


@dataclass(frozen=True, slots=True)
class Trial:
    """One solution in one round."""

    solution: Solution
    round: Round
    results: Mapping[str, CheckResult]
    errors: Mapping[str, float] = field(default_factory=dict)  # per check, in tolerances

    @property
    def outcomes(self) -> dict[str, Outcome]:
        return {name: result.outcome for name, result in self.results.items()}

    @property
    def failed(self) -> set[str]:
        """The checks that were run and did not pass."""
        fine = (Outcome.PASSED, Outcome.SKIPPED)
        return {name for name, outcome in self.outcomes.items() if outcome not in fine}

    @property
    def passed(self) -> set[str]:
        return {name for name, outcome in self.outcomes.items() if outcome is Outcome.PASSED}

    @property
    def not_passed(self) -> set[str]:
        """The checks that earned nothing, skipped ones included."""
        return self.outcomes.keys() - self.passed

    @property
    def named(self) -> set[str]:
        """The checks that the solution says it fails."""
        return set(self.solution.caught_by)

    def caught_by(self, exercise: Exercise) -> tuple[str, ...]:
        """The checks that failed, in the exercise's order."""
        return tuple(check.name for check in exercise.checks if check.name in self.failed)

    def how(self, check: str) -> str:
        """How a check ended, with its message."""
        result = self.results[check]
        return f"{result.outcome}: {result.message}" if result.message else str(result.outcome)


@dataclass(frozen=True, slots=True)
class Trials:
    """Every trial of one exercise of the course in the repository `root`."""

    exercise: Exercise
    root: Path
    trials: list[Trial] = field(default_factory=list)

    def of(self, kind: str) -> list[Trial]:
        return [trial for trial in self.trials if trial.solution.kind == kind]

    def finding(self, rule: Rule, message: str, about: Callable[..., Any] | None = None) -> Finding:
        """A finding that starts with the file to edit: that of `about`, else the reference's."""
        return finding_in(self.root, self.exercise, rule, message, about)

    def keep_catches(self) -> None:
        """Write which checks catch which chaff, and let the exercise read it anew.

        A chaff that fares differently from round to round keeps its line: rule 5 tells of it.
        """
        lines = []
        for chaff in self.exercise.chaffs:
            rounds = [trial for trial in self.of("chaff") if trial.solution.name == chaff.name]
            caught = {trial.caught_by(self.exercise) for trial in rounds}
            kept = caught.pop() if len(caught) == 1 else self.exercise.catches.get(chaff.name, ())
            if kept:
                lines.append(line_of(chaff.name, kept))
        text = "{\n" + ",\n".join(f"  {line}" for line in lines) + "\n}\n"
        file = self.exercise.catches_file
        if not file.exists() or file.read_text(encoding="utf-8") != text:
            file.write_text(text, encoding="utf-8")
        vars(self.exercise).pop("catches", None)

    def check(self, name: str) -> Callable[..., Any]:
        """The function of a check."""
        return next(check.function for check in self.exercise.checks if check.name == name)


def line_of(chaff: str, checks: Iterable[str]) -> str:
    """A chaff's line in `catches.json`."""
    return f"{json.dumps(chaff)}: {json.dumps(list(checks))}"


def finding_in(
    root: Path,
    exercise: Exercise,
    rule: Rule,
    message: str,
    about: Callable[..., Any] | None = None,
) -> Finding:
    """A finding that starts with the file to edit: that of `about`, else the reference's."""
    return Finding(exercise.name, rule, f"{file_of(root, exercise, about)}: {message}")


def file_of(root: Path, exercise: Exercise, about: Callable[..., Any] | None = None) -> str:
    """The file of a function of the course in the repository `root`, as short as it goes."""
    try:
        path = Path(inspect.getfile(inspect.unwrap(about or exercise.solution_function)))
    except (TypeError, ValueError):
        return exercise.name
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path)
