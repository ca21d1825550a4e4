"""Points that people give to one member of a team, whose file is graded once for all of them.

Such a member has a grade of their own from then on: the team's, with what was decided. It is kept
by the member's name and by what the course's roster knows of them, and goes with the team's file.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from sqlalchemy import Connection, select

from autograder.gradebook import rows
from autograder.gradebook.decisions import Adjustment, adjusted
from autograder.gradebook.schema import attempts, member_adjustments, runs
from autograder.records import Grade
from autograder.text import clean_line, clean_name

_STALE = "points set by hand for {} of {} were for another version of this file"


@dataclass(frozen=True, slots=True)
class Member:
    """One member of the team that handed a file in, with what people decided, the oldest first."""

    student: str
    identity: tuple[str, ...]
    submission: str
    digest: str
    decisions: tuple[Adjustment, ...]

    def grade(self, teams: Grade) -> Grade | None:
        """The member's own grade; `None` where all that was decided has been taken back."""
        newest = {one.exercise: one.points for one in self.decisions}
        if all(points is None for points in newest.values()):
            return None
        own = replace(teams, student=self.student, identity=self.identity)
        return adjusted(own, self.decisions)


def read(connection: Connection, assignment: str) -> list[Member]:
    """All members of an assignment's teams of whom something was decided."""
    found = connection.execute(
        select(member_adjustments, attempts.c.submission, attempts.c.digest)
        .join(attempts, attempts.c.id == member_adjustments.c.attempt_id)
        .join(runs, runs.c.id == attempts.c.run_id)
        .where(runs.c.assignment == assignment)
        .order_by(member_adjustments.c.id)
    ).mappings()
    members: dict[tuple[str, str, str], Member] = {}
    for row in found:
        key = (row["submission"], row["digest"], row["student"])
        known = members.get(key)
        decisions = (*(known.decisions if known else ()), rows.adjustment_in(row))
        members[key] = Member(
            student=row["student"],
            identity=tuple(row["identity"]),
            submission=row["submission"],
            digest=row["digest"],
            decisions=decisions,
        )
    return list(members.values())


def insert(connection: Connection, attempt_id: int, member: Grade, decision: Adjustment) -> None:
    """Add what a person decided about an exercise of one member."""
    who = {
        "attempt_id": attempt_id,
        "student": clean_name(member.student),
        "identity": [clean_line(key) for key in member.identity],
    }
    connection.execute(member_adjustments.insert().values({**rows.of_adjustment(decision), **who}))


def with_members(grades: Sequence[Grade], known: Sequence[Member]) -> Iterator[Grade]:
    """The grades, each followed by those of members of whom something was decided."""
    for grade in grades:
        of_file = [one for one in known if one.submission == grade.submission]
        valid = [one for one in of_file if one.digest == grade.digest]
        renewed = {one.student for one in valid}
        notes = tuple(
            _STALE.format(decision.exercise, one.student)
            for one in of_file
            if one.digest != grade.digest and one.student not in renewed
            for decision in one.decisions[-1:]
        )
        yield replace(grade, notes=(*grade.notes, *notes)) if notes else grade
        yield from (own for one in valid if (own := one.grade(grade)) is not None)
