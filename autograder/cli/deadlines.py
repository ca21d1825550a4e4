"""Rules on deadlines in commands: kept in the gradebook, applied to what is reported."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import click

from autograder.cli.common import CannotStart, me, told
from autograder.gradebook import Gradebook
from autograder.records import ClassGrades
from autograder.report.anonymous import Pseudonyms
from autograder.report.changes import PolicyChange, policy_changes
from autograder.report.files import ReportError, write_text
from autograder.report.lms.attendance import Attendance, attendance, enrolled
from autograder.report.lms.roster import Roster
from autograder.report.numbers import count
from autograder.report.policy.applying import apply_policy
from autograder.report.policy.reading import MAX_BYTES, Policy, read_policy
from autograder.report.policy.term import term_grades, term_table


def keep_policy(book: Gradebook, path: Path) -> None:
    """Read the rules of a file, and keep them in the gradebook from now on."""
    try:
        data = path.read_bytes()
        text = data[: MAX_BYTES + 1].decode("utf-8").replace("\r\n", "\n")
    except (OSError, UnicodeDecodeError) as error:
        raise CannotStart(f"{path} cannot be read as text: {error}.") from error
    with told(ReportError):
        policy = read_policy(text)
    unknown = policy.deadlines.keys() - set(book.assignments())
    if unknown:
        names = ", ".join(sorted(unknown))
        click.echo(f"{path} names {names}, of which nothing is graded yet.", err=True)
    if book.keep_policy(text, me()):
        click.echo(f"{path} holds from now on; `moelab report --diff` shows whose grades", err=True)
        click.echo("change by it.", err=True)


def policy_of(book: Gradebook) -> Policy | None:
    """The rules that hold, if there are any."""
    kept = book.policies()
    with told(ReportError):
        return read_policy(kept[0]) if kept else None


def under_policy(
    policy: Policy, class_grades: ClassGrades, present: Attendance | None
) -> tuple[ClassGrades, Attendance | None]:
    """The class under the rules, and the same for the roster's people; says what does not fit."""
    applied = apply_policy(policy, class_grades)
    if applied.unused:
        names = ", ".join(applied.unused[:5]) + ", …" * (len(applied.unused) > 5)
        left = count(len(applied.unused), "extension fits", "extensions fit")
        click.echo(f"{left} nobody in this class: {names}.", err=True)
    if present is None:
        return applied.class_grades, None
    by_file = {(grade.submission, grade.identity): grade for grade in applied.class_grades.grades}
    people = tuple(
        (person, grade and by_file.get((grade.submission, grade.identity), grade))
        for person, grade in present.people
    )
    return applied.class_grades, replace(present, people=people)


def changed_policy(
    book: Gradebook, assignment: str, people: Roster | None
) -> tuple[PolicyChange, ...]:
    """What the newest rules change, compared with those of before (or with none)."""
    kept = book.policies()
    if not kept:
        return ()
    class_grades = _class(book, assignment, people)
    after, *earlier = (apply_policy(read_policy(text), class_grades).class_grades for text in kept)
    return policy_changes(earlier[0] if earlier else class_grades, after)


def write_term(
    book: Gradebook,
    path: Path,
    rules: Policy | None,
    people: Roster | None,
    pseudonyms: Pseudonyms | None = None,
) -> None:
    """Write every student's term, from all assignments of the gradebook."""
    policy = rules or Policy(text="")
    names = book.assignments()
    known = [*policy.deadlines, *names]
    classes = [
        apply_policy(policy, _class(book, name, people)).class_grades
        for name in sorted(names, key=known.index)
    ]
    if not classes:
        raise CannotStart("The gradebook holds no grades yet: `moelab grade` puts them there.")
    if pseudonyms is not None:
        classes = [pseudonyms.anonymous(one) for one in classes]
        pseudonyms.save()
    found = term_grades(classes, policy)
    with told(ReportError):
        write_text(path, term_table(found))
    click.echo(f"wrote {path}: {count(len(found), 'student')}", err=True)


def _class(book: Gradebook, assignment: str, people: Roster | None) -> ClassGrades:
    class_grades = book.latest(assignment)
    if people is None:
        return class_grades
    return enrolled(people, class_grades, attendance(people, class_grades))
