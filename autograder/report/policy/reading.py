"""The course's rules on deadlines, as `policy.toml` says them."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from autograder.report.files import ReportError

MAX_BYTES = 1_000_000
_TOP = {"timezone", "late", "assignments", "extensions", "term"}
_LATE = {"percent_per_day", "grace", "cap", "floor", "days_if_unknown"}
_ASSIGNMENT = {"due", "late", "weight", "title"}
_EXTENSION = {"student", "group", "section", "assignment", "until", "days", "who", "why"}
_TERM = {"drop_lowest"}
_SPAN = re.compile(
    r"(?P<number>\d+(?:\.\d+)?)\s*(?P<unit>s|m|h|d|seconds?|mins?|minutes?|hours?|days?)",
    re.IGNORECASE,
)
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


@dataclass(frozen=True, slots=True, kw_only=True)
class LateRule:
    """What lateness costs: `percent` of the score for each day begun, at most `cap` percent.

    A score is not taken below `floor` percent of the points possible. Within the `grace` nothing is
    late. A file that is marked late, by how much nobody knows, counts as `days_if_unknown` late.
    """

    percent: float = 0.0
    grace: timedelta = timedelta(0)
    cap: float = 100.0
    floor: float = 0.0
    days_if_unknown: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Deadline:
    """When an assignment is due (`None`: never), what lateness costs, its weight in a term."""

    due: datetime | None
    late: LateRule
    weight: float = 1.0
    title: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Extension:
    """More time for a student, a group or a section, in one assignment or ("") in all.

    Until a moment, or by a span of time.
    """

    student: str = ""
    group: str = ""
    section: str = ""
    assignment: str = ""
    until: datetime | None = None
    by: timedelta = timedelta(0)
    who: str = ""
    why: str = ""

    @property
    def whose(self) -> str:
        """Whom it is for, in words."""
        said = (("", self.student), ("group ", self.group), ("section ", self.section))
        return next(f"{kind}{name}" for kind, name in said if name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """The rules of a course; `text` is the file as it stands."""

    text: str
    zone: tzinfo = UTC
    late: LateRule = field(default_factory=LateRule)
    deadlines: Mapping[str, Deadline] = field(default_factory=dict)
    extensions: tuple[Extension, ...] = ()
    drop_lowest: int = 0

    def deadline(self, assignment: str) -> Deadline:
        """The deadline of an assignment; one that is not named is never due."""
        return self.deadlines.get(assignment, Deadline(due=None, late=self.late))


def read_policy(text: str) -> Policy:
    """Read a policy; `ReportError` with what is wrong, and where, in one sentence."""
    if len(text) > MAX_BYTES:
        raise ReportError("policy.toml is too large to be one")
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ReportError(f"policy.toml is no TOML: {error}") from error
    _known(content, _TOP, "policy.toml")
    zone = _zone(content.get("timezone", "UTC"))
    usual = _late(content.get("late", {}), LateRule(), "[late]")
    assignments = _table(content.get("assignments", {}), "[assignments]")
    extensions = content.get("extensions", [])
    if not isinstance(extensions, list):
        raise ReportError("policy.toml: write each extension under [[extensions]]")
    term = _table(content.get("term", {}), "[term]")
    _known(term, _TERM, "[term]")
    return Policy(
        text=text,
        zone=zone,
        late=usual,
        deadlines={name: _deadline(name, one, usual, zone) for name, one in assignments.items()},
        extensions=tuple(_extension(one, n, zone) for n, one in enumerate(extensions, 1)),
        drop_lowest=int(_number(term.get("drop_lowest", 0), "[term] drop_lowest", 100)),
    )


def _deadline(name: str, content: Any, usual: LateRule, zone: tzinfo) -> Deadline:
    place = f"[assignments.{name}]"
    table = _table(content, place)
    _known(table, _ASSIGNMENT, place)
    return Deadline(
        due=_moment(table["due"], zone, f"{place} due") if "due" in table else None,
        late=_late(table.get("late", {}), usual, f"{place} late"),
        weight=_number(table.get("weight", 1), f"{place} weight", 1_000_000),
        title=str(table.get("title", "")),
    )


def _extension(content: Any, number: int, zone: tzinfo) -> Extension:
    place = f"extension {number}"
    table = _table(content, place)
    _known(table, _EXTENSION, place)
    texts = {key: str(table[key]) for key in _EXTENSION - {"until", "days"} if key in table}
    if sum(bool(texts.get(key)) for key in ("student", "group", "section")) != 1:
        raise ReportError(f"policy.toml: {place} is for one of `student`, `group` or `section`")
    if ("until" in table) == ("days" in table):
        raise ReportError(f"policy.toml: {place} needs either `until` or `days`")
    if not texts.get("why", "").strip():
        raise ReportError(f'policy.toml: {place} needs a reason: why = "…"')
    until = _moment(table["until"], zone, f"{place} until") if "until" in table else None
    days = _number(table.get("days", 0), f"{place} days", 10_000)
    return Extension(**texts, until=until, by=timedelta(days=days))


def _late(content: Any, usual: LateRule, place: str) -> LateRule:
    table = _table(content, place)
    _known(table, _LATE, place)
    return LateRule(
        percent=_number(
            table.get("percent_per_day", usual.percent), f"{place} percent_per_day", 100
        ),
        grace=_span(table.get("grace", usual.grace), f"{place} grace"),
        cap=_number(table.get("cap", usual.cap), f"{place} cap", 100),
        floor=_number(table.get("floor", usual.floor), f"{place} floor", 100),
        days_if_unknown=int(
            _number(table.get("days_if_unknown", usual.days_if_unknown), f"{place} days", 10_000)
        ),
    )


def _zone(name: Any) -> tzinfo:
    try:
        return UTC if name == "UTC" else ZoneInfo(str(name))
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ReportError(
            f'policy.toml: {name!r} is no time zone. Write one such as "Europe/Berlin"'
        ) from error


def _moment(value: Any, zone: tzinfo, place: str) -> datetime:
    """A moment: a date and time in the course's zone, unless it says its own; a date's end."""
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError as error:
            raise ReportError(f"policy.toml: {place}: {value!r} is no date and time") from error
    if isinstance(value, date) and not isinstance(value, datetime):
        value = datetime.combine(value, time(23, 59, 59))
    if not isinstance(value, datetime):
        raise ReportError(f"policy.toml: {place}: write a date and time, 2026-11-20T23:59:00")
    return value if value.tzinfo else value.replace(tzinfo=zone)


def _span(value: Any, place: str) -> timedelta:
    """A span of time: `15 min`, `2 h`, or a number of minutes."""
    if isinstance(value, timedelta):
        return value
    if isinstance(value, int | float) and not isinstance(value, bool):
        return timedelta(minutes=_number(value, place, 1_000_000))
    matched = _SPAN.fullmatch(value.strip()) if isinstance(value, str) else None
    if matched is None:
        raise ReportError(f'policy.toml: {place}: {value!r} is no time. Write "15 min" or "2 h"')
    seconds = float(matched["number"]) * _UNITS[matched["unit"][0].lower()]
    return timedelta(seconds=min(seconds, 10**9))


def _number(value: Any, place: str, most: float) -> float:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not 0 <= value <= most:
        raise ReportError(f"policy.toml: {place}: {value!r} is no number from 0 to {most:g}")
    return float(value)


def _table(value: Any, place: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise ReportError(f"policy.toml: {place} is no table")
    return value


def _known(table: Mapping[str, Any], names: set[str], place: str) -> None:
    if unknown := sorted(table.keys() - names):
        raise ReportError(
            f"policy.toml: {place} has no {unknown[0]!r}: it knows {', '.join(sorted(names))}"
        )
