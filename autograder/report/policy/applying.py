"""What the rules on deadlines make of a class: the raw score, what was applied, and the final one.

A team's file has the longest extension that any of its members has.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, tzinfo

from autograder.records import ClassGrades, Grade, Standing
from autograder.report.numbers import count, points
from autograder.report.policy.reading import Deadline, Extension, LateRule, Policy
from autograder.text import plain

DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Applied:
    """A class under a policy, and the extensions that fit nobody in it, in words."""

    class_grades: ClassGrades
    unused: tuple[str, ...]


def apply_policy(policy: Policy, class_grades: ClassGrades) -> Applied:
    """The class with what the policy makes of each grade; raw scores stay as they are."""
    assignment = class_grades.run.assignment
    deadline = policy.deadline(assignment)
    offered = [e for e in policy.extensions if e.assignment in ("", assignment)]
    grades = tuple(
        replace(
            grade, standing=_standing(grade, deadline, _extensions(grade, offered), policy.zone)
        )
        for grade in class_grades.grades
    )
    used = {id(one) for grade in class_grades.grades for one in _extensions(grade, offered)}
    unused = tuple(one.whose for one in offered if id(one) not in used)
    return Applied(replace(class_grades, grades=grades), unused)


def _extensions(grade: Grade, offered: list[Extension]) -> list[Extension]:
    return [one for one in offered if _fits(one, grade)]


def _fits(extension: Extension, grade: Grade) -> bool:
    if extension.section:
        sections = grade.section.split(", ")
        return plain(extension.section) in map(plain, filter(None, sections))
    if extension.group:
        wanted = plain(extension.group)
        groups = grade.enrolment.groups if grade.enrolment else ()
        own = [key.partition(" ")[2] for key in grade.identity if key.startswith("moodle_group ")]
        return wanted in map(plain, [*groups, *own, grade.student])
    asked = extension.student.strip()
    names = [grade.student, *grade.student.split(", ")]
    numbers = [*grade.number.split(", "), *grade.email.split(", ")]
    keys = [key.partition(" ")[2] for key in grade.identity if not key.startswith("moodle_group ")]
    return plain(asked) in map(plain, filter(None, names)) or asked.casefold() in (
        one.casefold() for one in (*numbers, *keys) if one
    )


def _standing(
    grade: Grade, deadline: Deadline, extensions: list[Extension], zone: tzinfo
) -> Standing | None:
    """What the rules make of one grade; `None` for an assignment that is never due."""
    if deadline.due is None or not grade.submission:
        return None
    due, extended = _due(deadline.due, extensions)
    said = [f"extension to {_shown(due, zone)} ({extended.why})"] if extended else []
    submitted = grade.submitted
    if submitted is not None and submitted.tzinfo is None:  # as people of the course write it
        submitted = submitted.replace(tzinfo=zone)
    if submitted is None:
        days = deadline.late.days_if_unknown if grade.late and not extended else 0
        marked = "marked late, by how much is not known" if grade.late else "time not known"
        said.append(f"{marked}: taken for {count(days, 'day')} late" if days else marked)
    else:
        days = _days_late(submitted, due, deadline.late)
    percent = min(days * deadline.late.percent, deadline.late.cap)
    final = _reduced(grade, percent, deadline.late)
    if percent and grade.score:
        said.append(_sum(grade.score, percent, final, days))
    elif days:
        said.append(f"{count(days, 'day')} late")
    return Standing(
        due=due.astimezone(UTC),
        submitted=submitted,
        days_late=days,
        percent=percent,
        final=final,
        rules=tuple(said),
    )


def _due(due: datetime, extensions: list[Extension]) -> tuple[datetime, Extension | None]:
    """The latest deadline that is offered, and the extension that it comes from."""
    later = [(one.until or due + one.by, one) for one in extensions]
    best = max(later, key=lambda pair: pair[0], default=None)
    return best if best is not None and best[0] > due else (due, None)


def _days_late(submitted: datetime, due: datetime, late: LateRule) -> int:
    """Days begun after the deadline; none within the grace."""
    over = submitted.astimezone(UTC) - due.astimezone(UTC)
    return 0 if over <= late.grace or over <= timedelta(0) else math.ceil(over / DAY)


def _reduced(grade: Grade, percent: float, late: LateRule) -> float:
    """The score without what lateness costs, and never below the floor unless it was before."""
    reduced = grade.score * (100 - percent) / 100
    lowest = min(grade.score, grade.possible * late.floor / 100)
    return round(max(reduced, lowest), 9)


def _sum(score: float, percent: float, final: float, days: int) -> str:
    """The sum as people write it: `92 − 10 % late = 82.8`."""
    told = f"{points(score)} − {percent:g} % late = {points(final)}"
    least = round(score * (100 - percent) / 100, 9)
    more = ", the lowest that lateness leads to" if final > least else ""
    return f"{told} ({count(days, 'day')}{more})"


def _shown(moment: datetime, zone: tzinfo) -> str:
    return f"{moment.astimezone(zone):%Y-%m-%d %H:%M %Z}"


def rules_in_words(class_grades: ClassGrades) -> Iterator[tuple[Grade, str]]:
    """Each grade that a rule changed or could not be applied to, with the rule."""
    for grade in class_grades.grades:
        if grade.standing is not None and grade.standing.rules:
            yield grade, "; ".join(grade.standing.rules)
