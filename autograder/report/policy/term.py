"""The whole term: every student's final scores in all assignments, the lowest ones dropped."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from autograder.records import ClassGrades, Grade
from autograder.report.policy.reading import Policy
from autograder.report.table import cell
from autograder.text import plain


@dataclass(frozen=True, slots=True, kw_only=True)
class TermGrade:
    """One student's term: shares by assignment (`None`: no grade), those dropped, and the total."""

    student: str
    email: str
    number: str
    section: str
    shares: Mapping[str, float | None]
    dropped: frozenset[str]
    total: float | None


def term_grades(classes: Sequence[ClassGrades], policy: Policy) -> tuple[TermGrade, ...]:
    """Every student's term, by name; a student is one by address, number or name.

    A total is the weighted mean of the shares of the points possible, in percent. An assignment
    without a grade counts as nothing earned. Of the shares the lowest are dropped, as many as the
    policy says, and one is always left.
    """
    names = [one.run.assignment for one in classes]
    people: dict[str, dict[str, Grade]] = {}
    known: dict[str, str] = {}
    for one in classes:
        for grade in one.counting:
            keys = _keys(grade)
            who = next((known[key] for key in keys if key in known), keys[0])
            known |= dict.fromkeys(keys, who)
            best = people.setdefault(who, {})
            before = best.get(one.run.assignment)
            if before is None or grade.final > before.final:
                best[one.run.assignment] = grade
    found = [_term(grades, names, policy) for grades in people.values()]
    return tuple(sorted(found, key=lambda one: (one.student.casefold(), one.email)))


def term_table(found: Sequence[TermGrade]) -> str:
    """The term as CSV, in percent: one row per student, what was dropped in brackets."""
    names = list(dict.fromkeys(name for one in found for name in one.shares))
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(["student", "email", "id", "section", *map(cell, names), "dropped", "total"])
    for one in found:
        shares = (one.shares.get(name) for name in names)
        writer.writerow(
            [
                *map(cell, (one.student, one.email, one.number, one.section)),
                *("" if share is None else _percent(share) for share in shares),
                cell(", ".join(sorted(one.dropped))),
                "" if one.total is None else _percent(one.total),
            ]
        )
    return out.getvalue()


def _keys(grade: Grade) -> list[str]:
    """How a student is known in every assignment, the surest first."""
    keys = [f"email {grade.email.casefold()}"] * bool(grade.email)
    keys += [f"id {grade.number}"] * bool(grade.number and grade.enrolment)
    return [*keys, *(k for k in grade.identity if k.startswith("canvas ")), plain(grade.student)]


def _term(grades: Mapping[str, Grade], names: Sequence[str], policy: Policy) -> TermGrade:
    shares = {
        name: 100 * grades[name].final / grades[name].possible
        if name in grades and grades[name].possible
        else None
        for name in names
    }
    lowest = sorted(names, key=lambda name: shares[name] or 0.0)
    dropped = frozenset(lowest[: min(policy.drop_lowest, len(names) - 1)])
    counted = [(policy.deadline(n).weight, shares[n] or 0.0) for n in names if n not in dropped]
    whole = sum(weight for weight, _ in counted)
    first = next(iter(grades.values()))
    return TermGrade(
        student=first.student,
        email=first.email,
        number=first.number,
        section=first.section,
        shares=shares,
        dropped=dropped,
        total=sum(weight * share for weight, share in counted) / whole if whole else None,
    )


def _percent(share: float) -> str:
    return f"{round(share, 6):.2f}".rstrip("0").rstrip(".")
