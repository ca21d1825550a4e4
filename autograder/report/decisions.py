"""What people decide, as a table for a spreadsheet: out with every answer, and in again."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from autograder.records import ClassGrades
from autograder.report.files import ReportError
from autograder.report.table import cell
from autograder.text import clean_text

COLUMNS = ("student", "submission", "exercise", "checks", "possible", "points", "why", "comment")
UNDO = "undo"  # in the column of points: the checks count again
MAX_BYTES = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """One row of a table: points (`None` for none), or `undo`, and a comment; `line` says where."""

    line: int
    student: str
    submission: str
    exercise: str
    points: float | None
    undo: bool
    why: str
    comment: str

    @property
    def whose(self) -> str:
        """The name by which the gradebook knows the answer."""
        return self.submission or self.student


def decisions_table(class_grades: ClassGrades, exercise: str = "") -> str:
    """Every answer that counts, of one exercise or of all, with what was decided about it."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(COLUMNS)
    for grade in class_grades.counting:
        for one in grade.exercises if grade.submission else ():
            if exercise and one.name != exercise:
                continue
            decided = one.adjustment
            judged = sum(check.score for check in one.judged)
            points = one.score if decided else ""
            why = cell(decided.message) if decided else ""
            names = (cell(grade.student), cell(grade.submission), one.name)
            comment = _quoted(one.comment)
            writer.writerow([*names, judged, one.possible, points, why, comment])
    return out.getvalue()


def read_decisions(path: Path) -> list[Decision]:
    """The rows of a table that decide something; `ReportError` where one cannot be read."""
    try:
        data = path.read_bytes()[: MAX_BYTES + 1]
        rows = list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline="")))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ReportError(f"{path} is not a CSV file in UTF-8 ({error})") from error
    return list(_decisions(path, rows))


def _decisions(path: Path, rows: list[dict[str, str]]) -> Iterator[Decision]:
    for line, row in enumerate(rows, 2):
        cells = {
            (column or "").strip().casefold(): value.strip()
            for column, value in row.items()
            if isinstance(value, str)
        }
        points, comment = cells.get("points", ""), _unquoted(cells.get("comment", ""))
        if not points and not comment:
            continue
        whose = _unquoted(cells.get("student", "")), _unquoted(cells.get("submission", ""))
        if not any(whose) or not cells.get("exercise"):
            raise ReportError(f"{path}, line {line}: say whose, and which exercise")
        undo = points.casefold() == UNDO
        try:
            number = float(points.replace(",", ".")) if points and not undo else None
        except ValueError as error:
            raise ReportError(f"{path}, line {line}: {points!r} is no number of points") from error
        yield Decision(
            line=line,
            student=whose[0],
            submission=whose[1],
            exercise=cells["exercise"],
            points=number,
            undo=undo,
            why=_unquoted(cells.get("why", "")),
            comment=comment,
        )


def _quoted(text: str) -> str:
    """A comment in a cell: with its lines, and never a formula."""
    clean = clean_text(text)
    return f"'{clean}" if cell(clean).startswith("'") and not clean.startswith("'") else clean


def _unquoted(text: str) -> str:
    return text[1:] if text[:1] == "'" and cell(text[1:]).startswith("'") else text
