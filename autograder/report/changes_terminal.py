"""What changed when a class was graded again, on a terminal of 80 columns."""

from __future__ import annotations

from collections import defaultdict
from math import fsum

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from autograder.report.changes import Changes, CheckChange
from autograder.report.numbers import count, points
from autograder.report.terminal import MOST_ROWS, name_column
from autograder.text import clean_name


def changes_summary(found: Changes) -> RenderableType:
    """Which checks made the difference, then whose grade changed, as tables."""
    if not found.compared and found.by_policy:
        return _by_policy(found)
    if not found.compared:
        return Text(
            f"{found.assignment}: nothing was graded twice yet. `moelab grade --regrade` grades "
            "again what has not changed."
        )
    line = f"{len(found.moved)} of {count(found.compared, 'grade')} changed"
    alike = len(found.changed) - len(found.moved)
    kept = f" In {alike} more, checks ended in another way for the same points."
    title = Text(f"{found.assignment}: {line} since the attempt before.", style="bold")
    title.append(kept if alike else "", style="not bold")
    rules = [_by_policy(found)] if found.by_policy else []
    if not found.changed:
        return Group(title, *rules)
    parts: list[RenderableType] = [title, _by_check(found)]
    parts += [_by_student(found)] if found.moved else []
    parts += rules
    left_out = len(found.moved) - MOST_ROWS
    if left_out > 0:
        parts.append(Text(f"… and {left_out} more: --csv FILE or --json FILE writes all of them."))
    return Group(*parts)


def _by_policy(found: Changes) -> RenderableType:
    """Whose final score other rules on deadlines change."""
    line = f"Other rules on deadlines change {count(len(found.by_policy), 'grade')}."
    table = Table(box=box.SIMPLE_HEAD)
    name_column(table)
    table.add_column("before", justify="right", no_wrap=True)
    table.add_column("after", justify="right", no_wrap=True)
    table.add_column("rules now", overflow="fold")
    for one in found.by_policy[:MOST_ROWS]:
        finals = (points(one.before.final), points(one.after.final))
        table.add_row(Text(clean_name(one.after.student)), *finals, Text(one.rules[1] or "none"))
    return Group(Text(f"{found.assignment}: {line}", style="bold"), table)


def _by_check(found: Changes) -> Table:
    alike: dict[tuple[str, str, str], list[CheckChange]] = defaultdict(list)
    for change in found.changed:
        for one in change.checks:
            alike[one.exercise, one.name, one.in_words].append(one)
    table = Table(box=box.SIMPLE_HEAD)
    table.add_column("because of", overflow="fold")
    table.add_column("what happened", overflow="fold")
    table.add_column("grades", justify="right", no_wrap=True)
    table.add_column("points", justify="right", no_wrap=True)
    for (exercise, check, words), same in alike.items():
        total = _signed(fsum(one.difference for one in same))
        table.add_row(Text(f"{exercise}: {check}"), Text(words), str(len(same)), total)
    return table


def _by_student(found: Changes) -> Table:
    table = Table(box=box.SIMPLE_HEAD)
    name_column(table)
    table.add_column("before", justify="right", no_wrap=True)
    table.add_column("after", justify="right", no_wrap=True)
    table.add_column("change", justify="right", no_wrap=True)
    for change in found.moved[:MOST_ROWS]:
        table.add_row(
            Text(clean_name(change.after.student)),
            f"{points(change.before.score)} / {points(change.before.possible)}",
            f"{points(change.after.score)} / {points(change.after.possible)}",
            _signed(change.difference),
        )
    return table


def _signed(difference: float) -> str:
    sign = "+" if difference > 0 else "−" if difference < 0 else "±"
    return f"{sign}{points(abs(difference))}"
