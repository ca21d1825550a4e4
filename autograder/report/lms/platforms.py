"""Files that Canvas and Moodle import grades from.

Canvas: `lib/gradebook_importer.rb` asks for the columns Student, ID and Section, takes each other
column for an assignment, and leaves a grade alone where the cell is empty. Moodle: the grading
worksheet of an assignment (`assignfeedback_offline`) is known by the columns Identifier, Grade and
Last modified (grade); other tables are mapped by hand on Moodle's page for importing grades.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence

from autograder.records import ClassGrades, Grade
from autograder.report.files import ReportError
from autograder.report.lms.attendance import Attendance
from autograder.report.lms.roster import Person, Roster
from autograder.report.numbers import points
from autograder.report.table import cell
from autograder.text import plain

_CANVAS = ("Student", "ID", "SIS User ID", "SIS Login ID", "Section")
_MOODLE = ("Identifier", "Full name", "Email address", "Grade", "Maximum grade")
_MODIFIED = "Last modified (grade)"
_FEEDBACK = "Feedback comments"


def canvas_file(
    class_grades: ClassGrades, roster: Roster | None = None, present: Attendance | None = None
) -> str:
    """A CSV file for Canvas, one row per student; an empty cell for who handed in nothing.

    With Canvas's own gradebook export as roster, the assignment's column keeps its name there.
    Raises `ReportError` where no student is known to Canvas.
    """
    name = class_grades.run.assignment
    if roster is not None and present is not None:
        column = next((c for c in roster.columns if _same_assignment(c, name)), name)
        rows = [[*_canvas_cells(person), _score(grade)] for person, grade in present.people]
    else:
        column = name
        rows = [
            [grade.student, number, "", "", "", _score(grade)]
            for grade in class_grades.counting
            if (number := _known_as(grade, "canvas"))
        ]
    if not rows:
        raise ReportError(
            "no student of this class is known to Canvas: give Canvas's gradebook export as "
            "--roster"
        )
    header = [*_CANVAS, column]
    possible = ["    Points Possible", *[""] * (len(_CANVAS) - 1), _possible(class_grades)]
    return _written([header, possible, *rows])


def moodle_file(
    class_grades: ClassGrades, roster: Roster | None = None, present: Attendance | None = None
) -> str:
    """A CSV file for Moodle, one row per student who handed in.

    With Moodle's grading worksheet as roster it is that worksheet, filled in, where points are
    scaled to the worksheet's maximum. Raises `ReportError` where no student is known to Moodle.
    """
    if roster is not None and present is not None:
        found = [(person, grade) for person, grade in present.people if grade is not None]
        if roster.kind == "moodle":
            return _worksheet(roster, found)
        rows = [
            [
                person.cell("identifier"),
                person.name,
                person.email,
                *_graded(grade),
            ]
            for person, grade in found
        ]
    else:
        rows = [
            [f"Participant {number}", grade.student, "", *_graded(grade)]
            for grade in class_grades.counting
            if (number := _known_as(grade, "moodle"))
        ]
    if not rows:
        raise ReportError(
            "no student of this class is known to Moodle: give the assignment's grading worksheet "
            "as --roster"
        )
    return _written([[*_MOODLE, _MODIFIED, _FEEDBACK], *rows])


def _worksheet(roster: Roster, found: Sequence[tuple[Person, Grade]]) -> str:
    by_name = {column.casefold(): column for column in roster.columns}
    grade_column = by_name.get("grade", "Grade")
    feedback = by_name.get(_FEEDBACK.casefold(), _FEEDBACK)
    columns = list(dict.fromkeys([*roster.columns, grade_column, feedback]))
    rows = []
    for person, grade in found:
        most = _number(person.cell("maximum grade")) or grade.possible
        earned = grade.final * most / grade.possible if grade.possible else 0.0
        filled = {**person.cells, grade_column: points(earned), feedback: _feedback(grade)}
        rows.append([filled.get(column, "") for column in columns])
    return _written([columns, *rows])


def _canvas_cells(person: Person) -> list[str]:
    return [
        person.cell("student") or person.name,
        *(person.cell(c.casefold()) for c in _CANVAS[1:]),
    ]


def _same_assignment(column: str, name: str) -> bool:
    """Whether a column of Canvas, `MoE router analysis (98765)`, is this assignment's."""
    return plain(re.sub(r"\s*\(\d+\)$", "", column)) == plain(name)


def _known_as(grade: Grade, platform: str) -> str:
    """The number by which a platform knows a grade's student; "" for none."""
    names = [key.removeprefix(f"{platform} ") for key in grade.identity]
    return next((name for name in names if name.isdecimal()), "")


def _graded(grade: Grade) -> list[str]:
    return [points(grade.final), points(grade.possible), "-", _feedback(grade)]


def _score(grade: Grade | None) -> str:
    return "" if grade is None else points(grade.final)


def _possible(class_grades: ClassGrades) -> str:
    return points(max((grade.possible for grade in class_grades.grades), default=0.0))


def _feedback(grade: Grade) -> str:
    """The points of each exercise, and why some were set by hand: nothing of hidden checks."""
    rules = grade.standing.rules if grade.standing is not None else ()
    exercises = (
        f"{exercise.name}: {points(exercise.score)} of {points(exercise.possible)}"
        + (f" ({exercise.adjustment.message})" if exercise.adjustment else "")
        for exercise in grade.exercises
    )
    return "; ".join((*exercises, *rules))


def _number(text: str) -> float:
    try:
        return float(text.replace(",", "."))
    except ValueError:
        return 0.0


def _written(rows: Iterable[Sequence[str]]) -> str:
    out = io.StringIO()
    writer = csv.writer(out)
    # A dash alone is how Moodle writes "never", and no formula.
    writer.writerows([value if value == "-" else cell(value) for value in row] for row in rows)
    return out.getvalue()
