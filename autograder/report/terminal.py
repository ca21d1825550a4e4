"""The summary on a terminal: one row per submission, then what a person should do about it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from autograder.records import ClassGrades, Grade, Status
from autograder.report.numbers import count, percent, points
from autograder.report.overview import by_student, outcomes_in_words, overview
from autograder.wire.text import clean_name

NAME_WIDTH = 24
NAMED = 5  # submissions that a sentence names before it says "and … more"

_STYLES = {
    Status.GRADED: "green",
    Status.NEEDS_REVIEW: "yellow",
    Status.UNREADABLE: "red",
}


def summary(class_grades: ClassGrades) -> RenderableType:
    """The grades as a table that fits 80 columns, sorted by student, and what to do next."""
    parts: list[RenderableType] = [_table(class_grades), Text(_class_line(class_grades))]
    parts += [Text(sentence, style=style) for sentence, style in _next_steps(class_grades)]
    return Group(*parts)


def _table(class_grades: ClassGrades) -> Table:
    title = f"{class_grades.run.assignment}, isolation {class_grades.run.isolation}"
    table = Table(box=box.SIMPLE_HEAD, title=Text(title, style="bold"), title_justify="left")
    table.add_column("student", max_width=NAME_WIDTH, no_wrap=True, overflow="ellipsis")
    table.add_column("status", no_wrap=True)
    table.add_column("score", justify="right", no_wrap=True)
    table.add_column("checks", overflow="fold")
    files = Counter(grade.student for grade in class_grades.grades)
    for grade in by_student(class_grades):
        name = Text(clean_name(grade.student))
        if files[grade.student] > 1:
            name.append(f"\n{clean_name(grade.submission)}", style="dim")
        status = Text(grade.status.replace("_", " "), style=_STYLES[grade.status])
        score = f"{points(grade.score)} / {points(grade.possible)}"
        table.add_row(name, status, score, Text(outcomes_in_words(grade)))
    return table


def _class_line(class_grades: ClassGrades) -> str:
    whole = overview(class_grades)
    line = count(len(class_grades.grades), "submission")
    if whole.mean is not None:
        line += f", mean {percent(whole.mean, 1)}"
    return f"{line}, {whole.complete} with full marks."


def _next_steps(class_grades: ClassGrades) -> Iterator[tuple[str, str]]:
    if class_grades.run.isolation == "none":
        yield (
            "ISOLATION NONE: the submissions' code ran unprotected, so these grades can be forged.",
            "bold red",
        )
    review = [grade for grade in by_student(class_grades) if grade.status is Status.NEEDS_REVIEW]
    if review:
        verb = "needs" if len(review) == 1 else "need"
        yield (
            f"{count(len(review), 'submission')} {verb} a person, because the grader failed there "
            f"(no points were taken for it): {_named(review)}.",
            _STYLES[Status.NEEDS_REVIEW],
        )
    unread = [grade for grade in by_student(class_grades) if grade.status is Status.UNREADABLE]
    if unread:
        yield (
            f"{count(len(unread), 'submission')} could not be read: {_named(unread)}.",
            _STYLES[Status.UNREADABLE],
        )


def _named(grades: list[Grade]) -> str:
    names = ", ".join(clean_name(grade.submission) for grade in grades[:NAMED])
    more = len(grades) - NAMED
    return f"{names} and {more} more" if more > 0 else names
