"""The table: one row per submission, for a spreadsheet or a learning platform."""

from __future__ import annotations

import csv
import io

from autograder.records import ClassGrades, Grade
from autograder.text import clean_name

_BEFORE = (
    "student",
    "submission",
    "status",
    "score",
    "possible",
    "counts",
    "replaced_by",
    "email",
    "id",
    "section",
    "late",
)
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")


def table(class_grades: ClassGrades) -> str:
    """Write the grades as CSV: who, which file, status and score, each exercise, and the notes.

    The columns add up to what the class earned: a file that its student has replaced has a row of
    its own, in which the points are left empty. Grades that were made without isolation carry one
    more column, which says so. With rules on deadlines there are the final score and the rules.
    """
    names = exercise_names(class_grades)
    has_rules = any(grade.standing is not None for grade in class_grades.grades)
    header = [*_BEFORE, *names, "notes", *(["final", "rules"] if has_rules else [])]
    unsafe = class_grades.run.isolation == "none"
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow([cell(name) for name in header] + ["isolation"] * unsafe)
    for grade in class_grades.grades:
        ruled = _ruled(grade) if has_rules else []
        writer.writerow([*_row(grade, names), *ruled, *["none"] * unsafe])
    return out.getvalue()


def exercise_names(class_grades: ClassGrades) -> list[str]:
    """Every exercise of the class, in the order in which they first occur."""
    found = (exercise.name for grade in class_grades.grades for exercise in grade.exercises)
    return list(dict.fromkeys(found))


def cell(text: str) -> str:
    """Text that a spreadsheet shows as it is, and never takes for a formula."""
    before, line = text[:1], clean_name(text)
    return f"'{line}" if line.startswith(_FORMULA_STARTS) or before in ("\t", "\r") else line


def _row(grade: Grade, names: list[str]) -> list[str | float]:
    scores = {exercise.name: exercise.score for exercise in grade.exercises if grade.counts}
    return [
        cell(grade.student),
        cell(grade.submission),
        grade.status.value,
        grade.score if grade.counts else "",
        grade.possible if grade.counts else "",
        "true" if grade.counts else "false",
        cell(grade.replaced_by),
        cell(grade.email),
        cell(grade.number),
        cell(grade.section),
        "true" if grade.late else "false",
        *(scores.get(name, "") for name in names),
        cell("; ".join(grade.notes)),
    ]


def _ruled(grade: Grade) -> list[str | float]:
    rules = grade.standing.rules if grade.standing is not None else ()
    return [grade.final if grade.counts else "", cell("; ".join(rules))]
