"""Why a student lost points, on a terminal: for instructors alone."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.rule import Rule
from rich.syntax import Syntax
from rich.table import Table
from rich.text import Text

from autograder.records import Outcome
from autograder.report.explanation import ExplainedCheck, ExplainedExercise, Explanation
from autograder.report.feedback.content import quoted
from autograder.report.numbers import out_of, percent
from autograder.report.page import words
from autograder.text import clean_line, clean_name, clean_text

_NO_CODE = "The gradebook holds no code of this function."


def explanation_text(found: Explanation) -> RenderableType:
    """The explanation: each check that did not pass with what it saw, then the student's code."""
    grade = found.grade
    score = f"{out_of(grade.score, grade.possible)} points"
    section = f"section {grade.section}" if grade.section else ""
    known = filter(None, (grade.submission, grade.email, grade.number, section))
    about = ", ".join(map(clean_name, known))
    title = Text(f"{clean_name(grade.student)}: {score} ({about})", "bold")
    if not any(one.checks for one in found.exercises):
        return Group(title, Text("Every check passed."))
    parts: list[RenderableType] = [title]
    for one in found.exercises:
        parts += _exercise(one)
    parts.append(Text("This holds hidden checks' inputs: it is for instructors.", "dim"))
    return Group(*parts)


def _exercise(one: ExplainedExercise) -> Iterator[RenderableType]:
    score = out_of(one.exercise.score, one.exercise.possible)
    yield Rule(Text(f"{one.exercise.name}: {score}"), align="left")
    for told in one.checks:
        yield from _check(told)
    if one.exercise.code:
        code = Syntax(clean_text(one.exercise.code, 20_000), "python", line_numbers=True)
        yield Padding(code, (1, 0, 1, 2))
    else:
        yield Padding(Text(_NO_CODE, "dim"), (0, 0, 1, 2))


def _check(told: ExplainedCheck) -> Iterator[RenderableType]:
    check = told.check
    kind = f"{check.outcome.replace('_', ' ')}, {'hidden' if check.hidden else 'public'}"
    yield Text(f"{clean_line(check.title)} ({kind}; {out_of(check.score, check.points)})", "bold")
    seen = check.evidence
    share = percent(told.passed, told.judged)
    slip = " ".join(filter(None, (words(check.misconception or ""), check.hint)))
    lines = [
        ("call", seen.call if seen else ""),
        ("got", seen.got if seen else ""),
        ("expected", seen.expected if seen else ""),
        ("the exercise says", quoted(check.promises)),
        ("message", check.message),
        ("likely slip", slip),
        ("in the class", f"{told.passed} of {told.judged} pass it ({share})"),
    ]
    if told.again is not None:
        again = told.again.result
        ended = again.outcome.replace("_", " ")
        same = check.outcome in (again.outcome, Outcome.SKIPPED)
        differs = "" if same else ": not as when it was graded"
        said = (
            f" ({again.message})" if again.message and again.outcome is not Outcome.PASSED else ""
        )
        lines += [("run once more", f"{ended}{differs}{said}")]
        if again.evidence is not None and again.evidence != seen:
            lines += [("call", again.evidence.call), ("got", again.evidence.got)]
            lines += [("expected", again.evidence.expected)]
        lines += [("it prints", told.again.printed.rstrip() or "nothing")]
        lines += [("traceback", told.again.traceback.rstrip())]
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 2))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for name, text in lines:
        if text:
            table.add_row(name, Text(clean_text(text, 20_000)))
    yield table
