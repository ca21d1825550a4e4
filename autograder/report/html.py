"""The report as one page: no scripts, nothing loaded from elsewhere, good on screen and paper."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from autograder.records import ClassGrades, Outcome, Status
from autograder.report.files import make_folder, write_text
from autograder.report.numbers import count, percent, points
from autograder.report.overview import by_student, outcomes_in_words, overview
from autograder.wire.text import clean_text

_SIGNS = {
    Outcome.PASSED: "✓",
    Outcome.FAILED: "✗",
    Outcome.GRADER_ERROR: "?",
    Outcome.SKIPPED: "–",
    Outcome.MISSING: "–",
}


def write_html(class_grades: ClassGrades, folder: Path) -> Path:
    """Write the page as `index.html` of a folder, and return its path."""
    make_folder(folder)
    path = folder / "index.html"
    write_text(path, html(class_grades))
    return path


def html(class_grades: ClassGrades) -> str:
    """Write the page. Every value is cleaned and escaped where it is printed."""
    environment = Environment(
        loader=PackageLoader("autograder.report", "."),
        autoescape=True,
        finalize=_finalize,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"points": points, "percent": percent}
    style = files("autograder.report").joinpath("report.css").read_text(encoding="utf-8")
    return environment.get_template("report.html.j2").render(
        style=Markup(style),  # noqa: S704 - our own file, not a submission's text
        run=class_grades.run,
        grades=by_student(class_grades),
        whole=overview(class_grades),
        words=outcomes_in_words,
        count=count,
        sign=lambda outcome: _SIGNS.get(outcome, "!"),
        Status=Status,
    )


def _finalize(value: object) -> object:
    """What the template prints: markup as it is, all other text cleaned."""
    if isinstance(value, str) and not isinstance(value, Markup):
        return clean_text(value)
    return value
