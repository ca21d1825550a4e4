"""The class report: one page that loads nothing but the pictures beside it, on screen and paper."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from autograder.records import ClassGrades
from autograder.report.class_page.alarms import alarms
from autograder.report.class_page.details import (
    CODE_LIMITS,
    SHORTEST_EVIDENCE,
    details_data,
    embedded,
    shortened,
)
from autograder.report.class_page.entries import Entry, Points, entries
from autograder.report.class_page.misconceptions import misconceptions
from autograder.report.folder import ReportFolder
from autograder.report.items import Flag, item_statistics
from autograder.report.overview import overview, sections, times
from autograder.report.page import render
from autograder.report.review import passed_by_nobody, to_review
from autograder.report.table import exercise_names

PAGE_LIMIT = 2_000_000  # bytes of the page for up to 300 students, pictures apart
PER_STUDENT = PAGE_LIMIT // 300
PER_PICTURE = 1_000
SENTENCE = 1_000  # bytes of what the page says where messages are cut
_STYLES = ("vendored/charts.min.css", "report.css", "class.css")
_SCRIPTS = ("vendored/sortable.min.js", "class.js")

Gallery = dict[str, list[tuple[Entry, Points]]]


def write_html(class_grades: ClassGrades, folder: Path) -> Path:
    """Write the page as `index.html` of a folder, pictures below it, and return the page's path."""
    rows = entries(class_grades)
    own = ReportFolder(folder)
    for drawn in _gallery(rows).values():
        for _, points in drawn:
            own.write(points.file, points.exercise.picture)
    return own.finish("index.html", _page(class_grades, rows))


def html(class_grades: ClassGrades) -> str:
    """The page alone."""
    return _page(class_grades, entries(class_grades))


def _page(class_grades: ClassGrades, rows: Sequence[Entry]) -> str:
    items, gallery = item_statistics(class_grades), _gallery(rows)
    doubtful = [
        (exercise.whole.name, check)
        for exercise in items
        for check in exercise.checks
        if check.flag is Flag.NEGATIVE
    ]
    review = to_review(rows)
    values = {
        "alarms": alarms(rows, items, review),
        "run": class_grades.run,
        "whole": overview(class_grades),
        "items": items,
        "doubtful": doubtful,
        "slips": misconceptions(rows),
        "times": times(class_grades),
        "sections": sections(class_grades),
        "rows": rows,
        "states": Counter(row.state for row in rows),
        "names": exercise_names(class_grades),
        "gallery": gallery,
        "review": review,
        "nobody": passed_by_nobody(items),
    }
    pictures = sum(len(drawn) for drawn in gallery.values())
    most = max(PAGE_LIMIT, PER_STUDENT * len(rows)) + PER_PICTURE * pictures
    written = max((len(e.code) for row in rows for e in row.grade.exercises), default=0)
    limits = CODE_LIMITS if written else CODE_LIMITS[-1:]
    for limit in limits:
        data = details_data(rows, items, code=limit)
        page = _render(values, data=embedded(data), cut=limit < written)
        surplus = len(page.encode("utf-8")) - most
        if surplus <= 0:
            return page
    small = shortened(data, surplus + SENTENCE, SHORTEST_EVIDENCE)
    if small is None:
        plain = details_data(rows, items, evidence=False, code=CODE_LIMITS[-1])
        less = len(embedded(data).encode("utf-8")) - len(embedded(plain).encode("utf-8"))
        small = shortened(plain, surplus - less + SENTENCE)
    return _render(values, data=embedded(small), cut=True)


def _render(values: dict[str, object], **more: object) -> str:
    return render("class.html.j2", styles=_STYLES, scripts=_SCRIPTS, **values, **more)


def _gallery(rows: Sequence[Entry]) -> Gallery:
    """The pictures of each exercise, in the order of the students."""
    found: Gallery = {}
    for entry in rows:
        for name, points in entry.points.items():
            if points.picture:
                found.setdefault(name, []).append((entry, points))
    return found
