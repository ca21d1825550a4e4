"""What verifying produces: findings, and the report that holds them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum


class Rule(IntEnum):
    """What is proved of each exercise."""

    REFERENCE = 1
    WHEATS = 2
    CHAFFS = 3
    HIDDEN_CHECKS = 4
    STABLE = 5
    FILES = 6
    NOTHING = 7
    MEMORY = 8
    PROMISES = 9
    MARGINS = 10

    @property
    def title(self) -> str:
        """The rule in a few words."""
        return _TITLES[self]


_TITLES = {
    Rule.REFERENCE: "the reference earns every point, the blank stub none",
    Rule.WHEATS: "every other correct solution earns every point",
    Rule.CHAFFS: "every known-wrong solution fails where it is meant to, as catches.json keeps it",
    Rule.HIDDEN_CHECKS: "every hidden check catches what no public check catches",
    Rule.STABLE: "results are the same for 3 seeds and for a repeated run",
    Rule.FILES: "committed files are up to date and give nothing away",
    Rule.NOTHING: "an answer that says nothing earns nothing",
    Rule.MEMORY: "the public checks learnt by heart earn nothing",
    Rule.PROMISES: "every promise is proved by a check, and every check proves a promise",
    Rule.MARGINS: "right answers are far within each tolerance, and wrong ones far outside",
}


RIGHT_AT_MOST = 1 / 3  # of a tolerance: how far off a right answer may be
WRONG_AT_LEAST = 3.0  # tolerances: how far off a known-wrong one has to be


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong; `exercise` is empty for what concerns the whole assignment."""

    exercise: str
    rule: Rule
    message: str


@dataclass(frozen=True, slots=True)
class Margin:
    """One check: the largest error of a right answer and the smallest of a chaff that it catches.

    `right` is -1 where no value was compared within a tolerance, `wrong` infinite where no chaff
    fails by a value.
    """

    exercise: str
    check: str
    right: float
    right_by: str
    wrong: float
    wrong_by: str

    @property
    def is_narrow(self) -> bool:
        """Whether another machine could turn right into wrong, or wrong into right."""
        return self.right > RIGHT_AT_MOST or self.wrong < WRONG_AT_LEAST


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The result for one assignment, or for some of its exercises where it is not `whole`.

    `not_run`: rules that wait for another finding's repair.
    """

    assignment: str
    exercises: tuple[str, ...]
    possible: float
    findings: tuple[Finding, ...]
    not_run: frozenset[tuple[str, Rule]] = frozenset()
    margins: tuple[Margin, ...] = ()
    whole: bool = True

    @property
    def ok(self) -> bool:
        """Whether every rule was run on every exercise, and nothing was found."""
        return bool(self.exercises) and self.possible > 0 and not self.findings and not self.not_run

    def count(self, exercise: str, rule: Rule) -> int:
        """How many findings there are for one exercise and one rule."""
        return sum(f.exercise == exercise and f.rule is rule for f in self.findings)
