"""What changed when a class was graded again: whose grade, by how much, because of which check."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from autograder.records import MANUAL_ADJUSTMENT, CheckResult, ClassGrades, Grade, Run
from autograder.report.table import cell
from autograder.text import clean_name

FORMAT_VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckChange:
    """A check that ended in another way, counts other points, came (`before` is `None`) or went."""

    exercise: str
    name: str
    before: CheckResult | None
    after: CheckResult | None

    @property
    def difference(self) -> float:
        """Points won, below zero for points lost."""
        return _score(self.after) - _score(self.before)

    @property
    def in_words(self) -> str:
        """What happened to it: `failed → passed`, `new: failed`, `4 → 6 points`."""
        if self.name == MANUAL_ADJUSTMENT:
            return "points set by hand stay as they are"
        if self.before is None or self.after is None:
            check = self.after or self.before
            assert check is not None
            return f"{'new' if self.before is None else 'gone'}: {_outcome(check)}"
        if self.before.outcome is not self.after.outcome:
            return f"{_outcome(self.before)} → {_outcome(self.after)}"
        return f"{self.before.points:g} → {self.after.points:g} points"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One submission's grade before and after, and the checks that make the difference."""

    before: Grade
    after: Grade
    runs: tuple[Run, Run]
    checks: tuple[CheckChange, ...]

    @property
    def difference(self) -> float:
        """Points won, below zero for points lost."""
        return self.after.score - self.before.score

    @property
    def is_of_points(self) -> bool:
        """Whether the points, or those to be had, are others: checks may end alike or not."""
        before, after = self.before, self.after
        return (before.score, before.possible) != (after.score, after.possible)


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyChange:
    """One grade under the rules on deadlines of before, and under those of now."""

    before: Grade
    after: Grade

    @property
    def rules(self) -> tuple[str, str]:
        """The rules of before and now, in words; "" for none."""
        sides = (self.before.standing, self.after.standing)
        before, after = ("; ".join(side.rules) if side is not None else "" for side in sides)
        return before, after


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """All that changed in a class; `compared` submissions were graded twice as they stand.

    `by_policy` is what other rules on deadlines changed.
    """

    assignment: str
    changed: tuple[Change, ...]
    compared: int
    by_policy: tuple[PolicyChange, ...] = ()

    @property
    def moved(self) -> tuple[Change, ...]:
        """Those whose points, or possible points, are others than before."""
        return tuple(one for one in self.changed if one.is_of_points)


def changes(assignment: str, graded: Sequence[tuple[tuple[Run, Grade], ...]]) -> Changes:
    """Compare grades of the same file: pairs of what was before and what is now.

    A change of what a submission earns, or could earn, is one; other words in a message are not.
    """
    found = []
    for (old_run, old), (new_run, new) in graded:
        checks = tuple(_check_changes(old, new))
        if checks or old.score != new.score:
            found.append(Change(before=old, after=new, runs=(old_run, new_run), checks=checks))
    found.sort(key=lambda change: (change.after.student.casefold(), change.after.submission))
    return Changes(assignment=assignment, changed=tuple(found), compared=len(graded))


def policy_changes(before: ClassGrades, after: ClassGrades) -> tuple[PolicyChange, ...]:
    """Whose final score, or whose rules, differ between two policies; both of the same class."""
    pairs = zip(before.grades, after.grades, strict=True)
    found = [PolicyChange(before=one, after=other) for one, other in pairs if other.counts]
    return tuple(
        one for one in found if one.before.final != one.after.final or len(set(one.rules)) > 1
    )


def changes_file(found: Changes) -> str:
    """The changes as JSON."""
    content = {
        "format_version": FORMAT_VERSION,
        "assignment": found.assignment,
        "compared": found.compared,
        "changes": [_as_json(change) for change in found.changed],
        **(
            {"by_policy": [_policy_json(one) for one in found.by_policy]} if found.by_policy else {}
        ),
    }
    return json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def changes_table(found: Changes) -> str:
    """The changes as CSV, one row per submission and check."""
    out = io.StringIO()
    writer = csv.writer(out)
    header = ["student", "submission", "score_before", "score_after", "exercise", "check"]
    writer.writerow([*header, "before", "after", "points_before", "points_after"])
    for change in found.changed:
        whose = [cell(change.after.student), cell(change.after.submission)]
        for check in change.checks:
            scores = (change.before.score, change.after.score)
            outcomes = [_outcome(side) if side else "" for side in (check.before, check.after)]
            earned = (_score(check.before), _score(check.after))
            which = (cell(check.exercise), cell(check.name))
            writer.writerow([*whose, *scores, *which, *outcomes, *earned])
    for one in found.by_policy:
        finals = (one.before.final, one.after.final)
        whose = [cell(one.after.student), cell(one.after.submission)]
        writer.writerow([*whose, *finals, "", "policy", *map(cell, one.rules), *finals])
    return out.getvalue()


def _policy_json(one: PolicyChange) -> dict[str, Any]:
    return {
        "student": clean_name(one.after.student),
        "submission": clean_name(one.after.submission),
        "before": {"final": one.before.final, "rules": one.rules[0]},
        "after": {"final": one.after.final, "rules": one.rules[1]},
    }


def _check_changes(old: Grade, new: Grade) -> Iterator[CheckChange]:
    before, after = _checks(old), _checks(new)
    for place in dict.fromkeys((*before, *after)):
        was, now = before.get(place), after.get(place)
        same = was and now and (was.outcome, was.points) == (now.outcome, now.points)
        if not same or _score(was) != _score(now):
            yield CheckChange(exercise=place[0], name=place[1], before=was, after=now)


def _checks(grade: Grade) -> dict[tuple[str, str], CheckResult]:
    return {
        (exercise.name, check.name): check
        for exercise in grade.exercises
        for check in exercise.checks
    }


def _score(check: CheckResult | None) -> float:
    return check.score if check else 0.0


def _outcome(check: CheckResult) -> str:
    return check.outcome.replace("_", " ")


def _as_json(change: Change) -> dict[str, Any]:
    sides = zip(("before", "after"), (change.before, change.after), change.runs, strict=True)
    return {
        "student": clean_name(change.after.student),
        "submission": clean_name(change.after.submission),
        "difference": change.difference,
        **{
            side: {
                "score": grade.score,
                "possible": grade.possible,
                "course_revision": run.course_revision,
                "seed": run.seed,
            }
            for side, grade, run in sides
        },
        "checks": [
            {
                "exercise": check.exercise,
                "name": check.name,
                "difference": check.difference,
                "before": _side(check.before),
                "after": _side(check.after),
            }
            for check in change.checks
        ],
    }


def _side(check: CheckResult | None) -> dict[str, Any] | None:
    if check is None:
        return None
    return {"outcome": check.outcome.value, "points": check.points, "score": check.score}
