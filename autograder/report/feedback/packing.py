"""Feedback back to where students are: one zip that Moodle or Canvas takes, or for mailing.

Moodle (`mod/assign/feedback/file/importziplib.php`) splits the first part of a path at underscores
and takes the second piece for the participant's number, so a name in it may have none. Canvas
(`Assignment#infer_comment_context_from_filename`) takes the first two numbers between underscores
for the user and the attachment, as in the names of the files that it gave out.
"""

from __future__ import annotations

import csv
import io
import re
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from autograder.records import ClassGrades, Grade
from autograder.report.feedback.content import feedback
from autograder.report.feedback.files import feedback_page
from autograder.report.lms.attendance import Attendance
from autograder.report.lms.roster import Person
from autograder.report.naming import safe_name
from autograder.report.numbers import percent, points
from autograder.report.table import cell
from autograder.text import clean_line, clean_name

KINDS = ("moodle", "canvas", "mail")
PAGE = "feedback.html"
_MOMENT = (2020, 1, 1, 0, 0, 0)  # of every member, so that the same feedback makes the same zip
_CANVAS_NAME = re.compile(r"(?P<start>[^/]*?_(?:[1-9][0-9]*_){2})(?P<rest>[^/]+)")
_CANVAS_ANONYMOUS = re.compile(r"(?P<start>(?:LATE_)?anon_\w{5}_[1-9][0-9]*_)(?P<rest>[^/]+)")
_NO_FILE_NAME = re.compile(r"[_/\\:*?\"<>|\x00-\x1f]+")
_COLUMNS = ("name", "email", "assignment", "score", "possible", "percent", "attachment")


@dataclass(frozen=True, slots=True)
class Packed:
    """A zip of feedback pages; `left_out` are students who have a page and could not get it."""

    data: bytes
    pages: int
    left_out: tuple[str, ...]


def feedback_zip(kind: str, class_grades: ClassGrades, present: Attendance | None = None) -> Packed:
    """The feedback pages of a class for `moodle`, `canvas` or `mail`.

    `present` is who takes the course, in the order of the class's grades, where there is a roster:
    then each member of a team gets a copy. Each page holds everything and needs no other file. Who
    handed in nothing gets none.
    """
    places: dict[str, Callable[[Grade, Person | None], list[str]]] = {
        "moodle": _moodle_places,
        "canvas": _canvas_places,
        "mail": _mail_places,
    }
    files: dict[str, str] = {}
    rows: list[list[str]] = []
    left_out = []
    for grade, people in _recipients(class_grades, present):
        page = feedback_page(feedback(grade, class_grades.run))
        for person in people or (None,):
            found = places[kind](grade, person)
            if not found:
                left_out.append(clean_name(person.name if person else grade.student))
            files |= dict.fromkeys(found, page)
            rows += _rows(class_grades.run.assignment, grade, person, found)
    if kind == "mail":
        files = {"mail-merge.csv": _table(rows), **files}
    return Packed(_zip(files), len(files) - (kind == "mail"), tuple(left_out))


def _recipients(
    class_grades: ClassGrades, present: Attendance | None
) -> Iterator[tuple[Grade, Sequence[Person]]]:
    """Each grade that counts and has a file, with those in the roster whose it is."""
    owners = present.owners if present is not None else ()
    for number, grade in enumerate(class_grades.grades):
        if grade.counts and grade.submission:
            yield grade, owners[number] if number < len(owners) else ()


def _moodle_places(grade: Grade, person: Person | None) -> list[str]:
    keys = sorted(person.keys) if person else grade.identity
    numbers = [key.removeprefix("moodle ") for key in keys if key.startswith("moodle ")]
    name = _NO_FILE_NAME.sub(" ", clean_line(person.name if person else grade.student)).strip()
    return [
        f"{name or 'student'}_{n}_assignsubmission_file_/{PAGE}" for n in numbers if n.isdecimal()
    ]


def _canvas_places(grade: Grade, person: Person | None) -> list[str]:
    if not any(key.startswith("canvas ") for key in grade.identity):
        return []
    name = grade.submission.rpartition("/")[2]
    matched = _CANVAS_ANONYMOUS.fullmatch(name) or _CANVAS_NAME.fullmatch(name)
    if matched is None:
        return []
    stem = matched["rest"].rpartition(".")[0] or matched["rest"]
    return [f"{matched['start']}{_NO_FILE_NAME.sub('-', stem)}-{PAGE}"]


def _mail_places(grade: Grade, person: Person | None) -> list[str]:
    if not _addresses(grade, person):
        return []
    return [f"pages/{safe_name(f'{grade.student} {grade.submission}')}.html"]


def _addresses(grade: Grade, person: Person | None) -> list[str]:
    said = [person.email] if person else grade.email.split(", ")
    return [clean_line(address) for address in said if "@" in address]


def _rows(
    assignment: str, grade: Grade, person: Person | None, found: Sequence[str]
) -> Iterator[list[str]]:
    """A row for mail merge for each address."""
    for place in found:
        for address in _addresses(grade, person):
            yield [
                cell(person.name if person else grade.student),
                cell(address),
                cell(assignment),
                points(grade.final),
                points(grade.possible),
                percent(grade.final, grade.possible),
                place,
            ]


def _table(rows: Sequence[Sequence[str]]) -> str:
    out = io.StringIO()
    csv.writer(out).writerows([_COLUMNS, *rows])
    return out.getvalue()


def _zip(files: dict[str, str]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            member = zipfile.ZipInfo(name, _MOMENT)
            member.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(member, text.encode("utf-8"))
    return out.getvalue()
