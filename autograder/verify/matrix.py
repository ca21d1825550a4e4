"""A report for people: the matrix of exercises and rules, and what to do about each finding."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from autograder.verify.records import Report, Rule

_WHOLE = "(whole assignment)"
_OF_THE_ASSIGNMENT = (Rule.FILES, Rule.PROMISES)  # these look at more than single exercises


def matrix(reports: Sequence[Report]) -> RenderableType:
    """The matrix, its legend and the findings, for a rich console.

    On a terminal it has colours; elsewhere rich leaves them out, and the words say the same.
    """
    return Group(*_parts(reports))


def margins(reports: Sequence[Report]) -> RenderableType:
    """For each check the largest error of a right answer and the smallest of a chaff it catches.

    In tolerances: up to 1 is accepted. Narrow ones, which another machine could turn, are marked.
    """
    table = Table("exercise", "check", "right", "wrong", "", title="errors, in tolerances")
    for report in reports:
        for one in report.margins:
            mark = f"narrow ({one.right_by}; {one.wrong_by})" if one.is_narrow else ""
            table.add_row(one.exercise, one.check, f"{one.right:.2g}", f"{one.wrong:.2g}", mark)
    return table


def summary(report: Report) -> str:
    """One line: what was proved, or how much is wrong."""
    size = f"{len(report.exercises)} exercises, {report.possible:g} points"
    if report.ok and not report.whole:
        names = ", ".join(report.exercises)
        return f"{report.assignment}: every rule but {Rule.FILES.value} holds for {names} ({size})"
    if report.ok:
        return f"{report.assignment}: all {len(Rule)} rules hold ({size})"
    count = len(report.findings)
    return f"{report.assignment}: {count} finding{'' if count == 1 else 's'} ({size})"


def _parts(reports: Sequence[Report]) -> Iterator[RenderableType]:
    for report in reports:
        yield _table(report)
    for rule in Rule:
        yield Text(f"{rule.value}   {rule.title}", style="dim")
    yield Text("x2  two findings, listed below;  -  not run before they are repaired", style="dim")
    for report in reports:
        yield Text()
        yield Text(summary(report), style="bold green" if report.ok else "bold red")
        for finding in report.findings:
            yield Text(f"  rule {finding.rule.value}, {finding.exercise or _WHOLE}: ").append(
                finding.message, style="default"
            )


def _table(report: Report) -> Table:
    table = Table(title=report.assignment)
    table.add_column("exercise", no_wrap=True)
    for rule in Rule:
        table.add_column(str(rule.value), justify="center", no_wrap=True)
    for exercise in (*report.exercises, *([""] if report.whole else [])):
        table.add_row(exercise or _WHOLE, *(_cell(report, exercise, rule) for rule in Rule))
    return table


def _cell(report: Report, exercise: str, rule: Rule) -> Text:
    count = report.count(exercise, rule)
    if count:
        return Text(f"x{count}", style="red")
    if (exercise, rule) in report.not_run:
        return Text("-", style="yellow")
    if not exercise and rule not in _OF_THE_ASSIGNMENT:
        return Text("")
    if rule is Rule.FILES and not report.whole:
        return Text("")
    return Text("ok", style="green")
