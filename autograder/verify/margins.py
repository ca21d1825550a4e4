"""How far right and wrong answers are from each check's tolerance.

A right answer's error should be far below the tolerance, on any machine and with any seed, and a
wrong one's far above. Errors are told in tolerances, as `compare.difference` measures them: below 1
a value is accepted. Checks that compare exactly, or by their own means, have no margin.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator

from autograder.records import Outcome
from autograder.verify.records import Margin
from autograder.verify.trials import Trial, Trials


def margins_of(trials: Trials) -> Iterator[Margin]:
    """The margins of an exercise's checks, as far as values are compared within a tolerance."""
    right = [*trials.of("reference"), *trials.of("wheat")]
    for check in trials.exercise.checks:
        passed = _errors(right, check.name, Outcome.PASSED)
        failed = _errors(trials.of("chaff"), check.name, Outcome.FAILED)
        most = max(passed, default=(-1.0, ""))
        least = min((one for one in failed if one[0] > 1), default=(math.inf, ""))
        if most[0] >= 0:
            yield Margin(trials.exercise.name, check.name, *most, *least)


def _errors(trials: Iterable[Trial], check: str, outcome: Outcome) -> Iterator[tuple[float, str]]:
    for trial in trials:
        if trial.outcomes.get(check) is outcome:
            yield trial.errors.get(check, -1.0), f"{trial.solution.name}, {trial.round}"
