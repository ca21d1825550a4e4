"""Who takes the course, as a CSV file of Canvas, Moodle, Gradescope or one's own says."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from autograder.records import Enrolment
from autograder.report.files import ReportError
from autograder.text import moment, plain

MAX_BYTES = 16 * 1024 * 1024

# What a column is called, in lower case, and what it holds.
_NAME = ("student", "full name", "name", "student name")
_FIRST = ("first name", "firstname", "given name")
_LAST = ("last name", "surname", "lastname", "family name")
_EMAIL = ("email address", "email", "e-mail", "mail")
_LOGIN = ("sis login id", "login", "username", "user name", "login id")
_NUMBER = ("sis user id", "id number", "sid", "student id", "student number")
_SECTION = ("section", "sections")
_GROUPS = ("groups", "group", "team", "group name")
_SUBMITTED = ("submitted", "submitted at", "submission time", "last modified (submission)")
_PARTICIPANT = re.compile(r"\d+$")
_NO_STUDENT = re.compile(r"\s*points possible\b.*|student, test|", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Person:
    """One student: how to call them, how platforms know them, and their row in the file.

    `keys` are written as in `Grade.identity`; `cells` by column.
    """

    name: str
    keys: frozenset[str]
    cells: Mapping[str, str]

    def cell(self, *columns: str) -> str:
        """The first of these columns that the row has, by its name in lower case; "" for none."""
        by_name = {column.casefold(): value for column, value in self.cells.items()}
        return next((by_name[column] for column in columns if by_name.get(column)), "")

    @property
    def email(self) -> str:
        """Their address; a login that is one counts."""
        login = self.cell(*_LOGIN)
        return self.cell(*_EMAIL) or (login if "@" in login else "")

    @property
    def number(self) -> str:
        """The number by which their school knows them, else the platform."""
        participant = _PARTICIPANT.search(self.cell("identifier"))
        return self.cell(*_NUMBER, "id") or (participant[0] if participant else "")

    @property
    def enrolment(self) -> Enrolment:
        """What reports say of them besides the name."""
        return Enrolment(
            email=self.email,
            number=self.number,
            section=self.cell(*_SECTION),
            groups=tuple(sorted(self.groups)),
        )

    @property
    def submitted(self) -> datetime | None:
        """When they handed in, where the roster says so with a date and time."""
        return moment(self.cell(*_SUBMITTED))

    @property
    def groups(self) -> frozenset[str]:
        """The groups that they are in, as names can be compared."""
        return frozenset(filter(None, map(plain, re.split(r"[,;]", self.cell(*_GROUPS)))))

    @property
    def has_handed_in(self) -> bool:
        """Whether Moodle's grading worksheet says that there is a file of theirs."""
        when = self.cell("last modified (submission)")
        return when not in ("", "-") or self.cell("status").casefold().startswith("submitted")

    def is_called(self, name: str) -> bool:
        """Whether a name is this person's, in whatever order, or a part of it."""
        if f"called {plain(name)}" in self.keys or plain(name) == plain(self.name):
            return True
        theirs, asked = _words(self.name), _words(name)
        return min(len(theirs), len(asked)) > 1 and (theirs <= asked or asked <= theirs)


@dataclass(frozen=True, slots=True)
class Roster:
    """The students of a course, in the file's order. `kind` is `canvas`, `moodle` or `plain`."""

    kind: str
    columns: tuple[str, ...]
    people: tuple[Person, ...]


def read_roster(path: Path) -> Roster:
    """Read a roster; `ReportError` with one sentence where it is none."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise ReportError(f"{path} cannot be read: {error.strerror or error}") from error
    if len(data) > MAX_BYTES:
        raise ReportError(f"{path} is too large for a roster")
    try:
        text = data.decode("utf-8-sig")
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text)))
    except (UnicodeDecodeError, csv.Error) as error:
        raise ReportError(f"{path} is not a CSV file in UTF-8 ({error})") from error
    columns = tuple(column.strip() for column in rows[0]) if rows else ()
    known = {column.casefold() for column in columns}
    if not known & {*_NAME, *_LAST, *_EMAIL, *_LOGIN, *_NUMBER, "identifier"}:
        raise ReportError(
            f"{path} is no roster: no column is called Student, Name, Email, Identifier or the like"
        )
    kind = "moodle" if "identifier" in known else "canvas" if _is_canvas(known) else "plain"
    return Roster(kind, columns, tuple(_people(kind, columns, rows[1:])))


def _is_canvas(known: set[str]) -> bool:
    return {"student", "id"} <= known and bool({"section", "sis login id"} & known)


def _delimiter(text: str) -> str:
    header = text.partition("\n")[0]
    return max(",;\t", key=header.count)


def _people(kind: str, columns: tuple[str, ...], rows: list[list[str]]) -> Iterator[Person]:
    for row in rows:
        cells = {column: value.strip() for column, value in zip(columns, row, strict=False)}
        person = Person("", frozenset(), cells)
        name = _name(person)
        if _NO_STUDENT.fullmatch(name or person.cell(*_EMAIL, *_LOGIN, *_NUMBER, "identifier")):
            continue
        keys = frozenset(_keys(kind, person, name))
        yield Person(name or person.cell(*_EMAIL, *_LOGIN, *_NUMBER, "identifier"), keys, cells)


def _name(person: Person) -> str:
    parts = (person.cell(*_FIRST), person.cell(*_LAST))
    return person.cell(*_NAME) or " ".join(filter(None, parts))


def _keys(kind: str, person: Person, name: str) -> Iterator[str]:
    number = person.cell("id")
    if number:
        yield f"canvas {number}" if kind == "canvas" else f"id {number}"
    if participant := _PARTICIPANT.search(person.cell("identifier")):
        yield f"moodle {participant[0]}"
    for value in (person.cell(*_LOGIN), person.cell(*_NUMBER)):
        if value:
            yield f"id {value}"
            yield f"called {plain(value)}"
    if email := person.email:
        yield f"email {email.casefold()}"
        yield f"called {plain(email.partition('@')[0])}"
    if name:
        last, comma, first = name.partition(",")
        yield f"called {plain(name)}"
        yield f"called {plain(first + last)}" if comma else f"called {_last_first(name)}"


def _last_first(name: str) -> str:
    first, _, last = name.rpartition(" ")
    return plain(last + first)


def _words(name: str) -> set[str]:
    return set(filter(None, map(plain, re.split(r"[\W_]+", name))))
