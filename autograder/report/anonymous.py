"""A class without names: every student has a pseudonym, which stays the same from report to report.

The key, which says who is who, is a table in a file of its own. Pseudonyms are drawn at random, so
that nothing but the key leads back.
"""

from __future__ import annotations

import csv
import io
import os
import re
import secrets
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from autograder.records import (
    CheckResult,
    ClassGrades,
    Enrolment,
    ExerciseGrade,
    Grade,
)
from autograder.report.files import ReportError
from autograder.report.table import cell
from autograder.text import clean_name, plain

_LETTERS = "BCDFGHJKLMNPQRSTVWXZ"  # no vowels: no pseudonym is a word
_LENGTH = 5
_COLUMNS = ("pseudonym", "student", "known_by")
_SHORTEST = 3  # letters of a part of a name that is looked for in texts
MAX_BYTES = 16 * 1024 * 1024


class Pseudonyms:
    """Names of students as they stand in the key of a file, with new ones for new students."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._rows = _read(path)
        self._known = {key: row[0] for row in self._rows for key in row[2].split("\n") if key}
        self._new = False

    def of(self, grade: Grade) -> str:
        """The pseudonym of a grade's student, whom address, number, platform or name tell."""
        keys = _keys(grade)
        found = next((self._known[key] for key in keys if key in self._known), "")
        if not found:
            taken = {row[0] for row in self._rows}
            while not found or found in taken:
                found = "student " + "".join(secrets.choice(_LETTERS) for _ in range(_LENGTH))
            self._rows.append([found, clean_name(grade.student), "\n".join(keys)])
            self._new = True
        self._known |= {key: self._known.get(key, found) for key in keys}
        return found

    def save(self) -> bool:
        """Write the key, readable by its owner alone, if students were added: whether it was."""
        if not self._new:
            return False
        out = io.StringIO()
        rows = ([cell(name), cell(who), keys] for name, who, keys in self._rows)
        csv.writer(out).writerows([_COLUMNS, *rows])
        try:
            made = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with open(made, "w", encoding="utf-8", newline="") as file:
                file.write(out.getvalue())
        except OSError as error:
            raise ReportError(f"{self.path} cannot be written: {error.strerror}") from error
        return True

    def anonymous(self, class_grades: ClassGrades) -> ClassGrades:
        """The class under pseudonyms, in their order: names and files in texts are replaced too.

        Addresses, numbers, groups and digests are left out; sections stay.
        """
        files = self._files(class_grades)
        hidden = self._hiding(class_grades, files)
        grades = [self._one(grade, files, hidden) for grade in class_grades.grades]
        grades.sort(key=lambda grade: (grade.student, grade.submission))
        return replace(class_grades, grades=tuple(grades))

    def one(self, grade: Grade) -> Grade:
        """One grade under its pseudonym."""
        files = {grade.submission: f"{self.of(grade)}{_ending(grade.submission)}"}
        return self._one(grade, files, _replacing({grade.student: self.of(grade), **files}))

    def _files(self, class_grades: ClassGrades) -> dict[str, str]:
        """What each file is called instead."""
        found: dict[str, str] = {}
        times: dict[str, int] = {}
        for grade in class_grades.grades:
            if grade.submission and grade.submission not in found:
                name = self.of(grade)
                times[name] = times.get(name, 0) + 1
                number = f" ({times[name]})" if times[name] > 1 else ""
                found[grade.submission] = f"{name}{number}{_ending(grade.submission)}"
        return found

    def _hiding(self, class_grades: ClassGrades, files: dict[str, str]) -> Callable[[str], str]:
        names: dict[str, str] = {}
        for grade in class_grades.grades:
            who = self.of(grade)
            said = (*grade.student.split(", "), *grade.email.split(", "), grade.number)
            names |= dict.fromkeys(filter(None, said), who)
            names |= {file.rpartition("/")[2]: files[file] for file in [grade.submission] if file}
        return _replacing({**names, **files})

    def _one(self, grade: Grade, files: dict[str, str], hidden: Callable[[str], str]) -> Grade:
        return replace(
            grade,
            student=self.of(grade),
            submission=files.get(grade.submission, ""),
            replaced_by=files.get(grade.replaced_by, self.of(grade) if grade.replaced_by else ""),
            digest="",
            identity=(),
            enrolment=Enrolment(section=grade.section) if grade.section else None,
            notes=tuple(map(hidden, grade.notes)),
            exercises=tuple(_exercise(exercise, hidden) for exercise in grade.exercises),
        )


def _exercise(exercise: ExerciseGrade, hidden: Callable[[str], str]) -> ExerciseGrade:
    checks = tuple(_check(check, hidden) for check in exercise.checks)
    return replace(exercise, checks=checks, code=hidden(exercise.code))


def _check(check: CheckResult, hidden: Callable[[str], str]) -> CheckResult:
    return replace(check, message=hidden(check.message)) if check.message else check


def _replacing(instead: dict[str, str]) -> Callable[[str], str]:
    """Puts pseudonyms for names, wherever these stand as words of a text."""
    known = {name.casefold(): other for name, other in instead.items() if len(name) >= _SHORTEST}
    if not known:
        return lambda text: text
    longest_first = sorted(known, key=len, reverse=True)
    pattern = re.compile(
        r"(?<!\w)(?:" + "|".join(map(re.escape, longest_first)) + r")(?!\w)", re.IGNORECASE
    )
    return lambda text: pattern.sub(lambda found: known.get(found[0].casefold(), "…"), text)


def _keys(grade: Grade) -> list[str]:
    """The surest ways to know a student; by name only where nothing else is known."""
    keys = [f"email {grade.email.casefold()}"] if grade.email else []
    keys += [f"number {grade.number}"] if grade.number else []
    keys += [
        key for key in grade.identity if " " in key and not key.startswith(("name ", "called "))
    ]
    return keys or [f"called {plain(grade.student)}"]


def _ending(name: str) -> str:
    ending = name.rpartition("/")[2].rpartition(".")[2].lower()
    return f".{ending}" if ending in ("ipynb", "py", "zip") else ""


def _read(path: Path) -> list[list[str]]:
    try:
        data = path.read_bytes()[: MAX_BYTES + 1]
        header, *rows = csv.reader(io.StringIO(data.decode("utf-8"), newline=""))
        if tuple(header) != _COLUMNS or any(len(row) != len(_COLUMNS) for row in rows):
            raise ValueError
    except FileNotFoundError:
        return []
    except (OSError, ValueError, csv.Error) as error:
        raise ReportError(
            f"{path} is no key to pseudonyms: name another file with --key"
        ) from error
    return rows
