"""The summary on a terminal: the grades, or how those of a large class spread; what to do next."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from autograder.records import NO_SUBMISSION, ClassGrades, Grade, Status
from autograder.report.class_page.entries import entries
from autograder.report.items import item_statistics
from autograder.report.numbers import count, percent, points
from autograder.report.overview import BINS, Overview, by_student, outcomes_in_words, overview
from autograder.report.review import passed_by_nobody, to_review
from autograder.text import clean_name

NAME_WIDTH = 24
NAMED = 5  # submissions that a sentence names before it says "and … more"
MOST_ROWS = 40  # rows of a table that a person reads on a terminal
BAR = 40  # columns of the longest bar

_STYLES = {
    Status.GRADED: "green",
    Status.NEEDS_REVIEW: "yellow",
    Status.UNREADABLE: "red",
    Status.ABSENT: "red",
}


def summary(
    class_grades: ClassGrades, gradebook: str = "", written: Sequence[str] = ()
) -> RenderableType:
    """What fits 80 columns and a person's patience, and what to do next.

    Up to `MOST_ROWS` submissions are a table, sorted by student; more are summed up. `gradebook`
    is how commands name it ("" where none should be suggested), `written` the reports that were
    asked for already, such as `html`.
    """
    whole = overview(replace(class_grades, grades=class_grades.counting))
    few = len(class_grades.grades) <= MOST_ROWS
    title = f"{class_grades.run.assignment}, isolation {class_grades.run.isolation}"
    parts: list[RenderableType] = [Text(title, style="bold")]
    parts += [_table(class_grades)] if few else [_spread(whole), _exercises(class_grades)]
    parts.append(Text(_class_line(class_grades, whole)))
    parts += [Text(sentence, style=style) for sentence, style in _attention(class_grades)]
    if gradebook:
        parts += [Text(line) for line in _next_steps(class_grades, gradebook, written, few=few)]
    return Group(*parts)


def name_column(table: Table) -> None:
    """The column for students' names, which may be of any length."""
    table.add_column("student", max_width=NAME_WIDTH, no_wrap=True, overflow="ellipsis")


def _table(class_grades: ClassGrades) -> Table:
    table = Table(box=box.SIMPLE_HEAD)
    name_column(table)
    table.add_column("status", no_wrap=True)
    table.add_column("score", justify="right", no_wrap=True)
    table.add_column("checks", overflow="fold")
    files = Counter(grade.student for grade in class_grades.grades)
    for grade in by_student(class_grades):
        name = Text(clean_name(grade.student))
        if files[grade.student] > 1:
            name.append(f"\n{clean_name(grade.submission)}", style="dim")
        status = Text(grade.status.replace("_", " "), style=_STYLES[grade.status])
        score = f"{points(grade.final)} / {points(grade.possible)}"
        table.add_row(name, status, score, _remark(grade))
    return table


def _remark(grade: Grade) -> Text:
    if grade.replaced_by:
        return Text("does not count: there is a newer file", style="dim")
    words = outcomes_in_words(grade) if grade.submission else NO_SUBMISSION
    by_hand = sum(exercise.adjustment is not None for exercise in grade.exercises)
    rules = grade.standing.rules if grade.standing is not None else ()
    return Text("; ".join((words + (f"; {by_hand} set by hand" if by_hand else ""), *rules)))


def _spread(whole: Overview) -> Table:
    table = Table(box=box.SIMPLE_HEAD)
    table.add_column("score", justify="right", no_wrap=True)
    table.add_column("grades", justify="right", no_wrap=True)
    table.add_column("", no_wrap=True, min_width=BAR)
    most = max(whole.bins, default=0) or 1
    for place, number in enumerate(whole.bins):
        label = f"{100 * place // BINS} – {100 * (place + 1) // BINS} %"
        table.add_row(label, str(number), "█" * -(-BAR * number // most))
    return table


def _exercises(class_grades: ClassGrades) -> Table:
    table = Table(box=box.SIMPLE_HEAD)
    table.add_column("exercise", no_wrap=True, overflow="ellipsis", max_width=40)
    table.add_column("points", justify="right", no_wrap=True)
    table.add_column("mean", justify="right", no_wrap=True)
    table.add_column("full marks", justify="right", no_wrap=True)
    for one in (exercise.whole for exercise in item_statistics(class_grades)):
        mean = "–" if one.difficulty is None else percent(one.difficulty, 1)
        full = f"{one.complete} of {one.n}"
        table.add_row(Text(one.name), points(one.points), mean, full)
    return table


def _class_line(class_grades: ClassGrades, whole: Overview) -> str:
    files = sum(bool(grade.submission) for grade in class_grades.grades)
    line = count(files, "submission")
    if whole.mean is not None:
        line += f", mean {percent(whole.mean, 1)}"
    return f"{line}, {whole.complete} with full marks."


def _attention(class_grades: ClassGrades) -> Iterator[tuple[str, str]]:
    """What is not as it should be, with a style for each sentence."""
    if class_grades.run.isolation == "none":
        yield (
            "ISOLATION NONE: the submissions' code ran unprotected, so these grades can be forged.",
            "bold red",
        )
    review = _with_status(class_grades, Status.NEEDS_REVIEW)
    if review:
        verb = "needs" if len(review) == 1 else "need"
        yield (
            f"{count(len(review), 'submission')} {verb} a person, because the grader could not "
            f"decide there (no points were taken for it): {_named(review)}.",
            _STYLES[Status.NEEDS_REVIEW],
        )
    if files := _with_status(class_grades, Status.UNREADABLE):
        yield (
            f"{count(len(files), 'submission')} could not be read: {_named(files)}.",
            _STYLES[Status.UNREADABLE],
        )
    review_first = to_review(entries(class_grades))
    if nobodys := [one.entry.grade for one in review_first if one.says == "not in roster"]:
        those = f"{count(len(nobodys), 'submission')} of nobody in the roster"
        yield f"{those}: {_named(nobodys)}.", _STYLES[Status.NEEDS_REVIEW]
    odd = [one for one in review_first if one.says in ("zero", "same file")]
    for one in odd[:NAMED]:
        yield f"{clean_name(one.entry.grade.submission)}: {one.why}.", _STYLES[Status.NEEDS_REVIEW]
    if (more := len(odd) - NAMED) > 0:
        yield f"{count(more, 'more submission')} like these.", _STYLES[Status.NEEDS_REVIEW]
    if nobody := passed_by_nobody(item_statistics(class_grades)):
        first = "; ".join(nobody[:NAMED]) + "; …" * (len(nobody) > NAMED)
        yield f"Nobody passes: {first}. Look there first.", _STYLES[Status.NEEDS_REVIEW]
    if missing := _with_status(class_grades, Status.ABSENT):
        handed_in = f"{count(len(missing), 'student')} handed in nothing"
        yield f"{handed_in}: {_named(missing)}.", _STYLES[Status.UNREADABLE]


def _next_steps(
    class_grades: ClassGrades, gradebook: str, written: Sequence[str], *, few: bool
) -> Iterator[str]:
    place = shlex.quote(gradebook)
    if "html" not in written:
        yield f"Next: moelab report {place} --html report"
    if _with_status(class_grades, Status.NEEDS_REVIEW):
        yield f"To set points by hand: moelab adjust {place} --help"
    if not few and "csv" not in written:
        yield f"One row per submission: moelab report {place} --csv grades.csv"


def _with_status(class_grades: ClassGrades, status: Status) -> list[Grade]:
    return [
        grade
        for grade in by_student(class_grades)
        if grade.status is status and not grade.replaced_by
    ]


def _named(grades: list[Grade]) -> str:
    names = ", ".join(clean_name(grade.submission or grade.student) for grade in grades[:NAMED])
    more = len(grades) - NAMED
    return f"{names} and {more} more" if more > 0 else names
