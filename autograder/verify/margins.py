"""How far right and wrong answers are from each check's tolerance.

A right answer's error should be far below the tolerance, on any machine and with any seed, and a
wrong one's far above. Errors are told in tolerances, wherever `compare.difference` compares values:
below 1 a value is accepted. Checks that compare exactly, or by their own means, have no margin.
Solutions are tried anyway, so measuring them costs next to nothing.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch

from autograder.records import Outcome
from autograder.verify.records import RIGHT_AT_MOST, WRONG_AT_LEAST, Finding, Margin, Rule
from autograder.verify.trials import Trial, Trials
from moelab_kit import compare
from moelab_kit.compare import EXACT, Tolerance


@dataclass(slots=True)
class Farthest:
    """The largest error among the values that were compared, in tolerances: 1 is just accepted.

    Values that must be equal have no tolerance and do not count. -1: none was compared.
    """

    ratio: float = -1.0

    def take(self) -> float:
        """The largest error so far; the next one starts anew."""
        found, self.ratio = self.ratio, -1.0
        return found

    def see(self, got: torch.Tensor, expected: torch.Tensor, tolerance: Tolerance) -> None:
        """Take two tensors of one shape into account."""
        if tolerance == EXACT or not expected.numel():
            return
        right = expected.double()
        ratios = (got.double() - right).abs() / (tolerance.atol + tolerance.rtol * right.abs())
        self.ratio = max(self.ratio, float(ratios.nan_to_num(math.inf).max()))


@contextmanager
def measuring() -> Iterator[Farthest]:
    """See how far off the values are that `difference` compares within this context.

    Students get the comparison as it is, so the measuring is put around it here.
    """
    farthest, plain = Farthest(), compare.is_close

    def measured(got: torch.Tensor, expected: torch.Tensor, tolerance: Tolerance) -> bool:
        farthest.see(got, expected, tolerance)
        return plain(got, expected, tolerance)

    compare.is_close = measured
    try:
        yield farthest
    finally:
        compare.is_close = plain


def margins_are_wide(trials: Trials) -> Iterator[Finding]:
    """Rule 10: no right answer is near a tolerance, and no wrong one that fails by its values."""
    declared = dict(trials.exercise.narrow)
    for margin in margins_of(trials):
        reason = declared.get(margin.check, "")
        if margin.is_narrow and not reason:
            yield from _narrow(trials, margin)
        if margin.is_narrow or not reason:
            declared.pop(margin.check, None)
    for check in declared:
        message = f"the margin of check {check!r} is not narrow. Delete its `narrow_margin`."
        yield trials.finding(Rule.MARGINS, message, trials.check(check))


def _narrow(trials: Trials, margin: Margin) -> Iterator[Finding]:
    about, where = trials.check(margin.check), f"in check {margin.check!r} the error of"
    if margin.right > RIGHT_AT_MOST:
        yield trials.finding(
            Rule.MARGINS,
            f"{where} a right answer ({margin.right_by}) is {margin.right:.2g} of the tolerance. "
            "Loosen the tolerance, or draw inputs that are easier to compute; else say why with "
            "`exercise.narrow_margin`.",
            about,
        )
    if margin.wrong < WRONG_AT_LEAST:
        yield trials.finding(
            Rule.MARGINS,
            f"{where} a wrong answer ({margin.wrong_by}) is only {margin.wrong:.2g} tolerances. "
            "Tighten the tolerance, or draw inputs on which it is further off; else say why with "
            "`exercise.narrow_margin`.",
            about,
        )


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
