"""A student's feedback as Markdown and as JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from autograder.records import Outcome, Status
from autograder.report.feedback.content import (
    FORMAT_VERSION,
    CheckFeedback,
    ExerciseFeedback,
    Feedback,
    quoted,
)
from autograder.report.numbers import out_of, percent

_SPECIAL = re.compile(r"[\\`*\[\]<>|~&]|(?<![^\W_])_|_(?![^\W_])")  # an inner _ is no markup
_MARKS = {Outcome.PASSED: "✓", Outcome.GRADER_ERROR: "?"}


def feedback_json(one: Feedback) -> str:
    """The feedback as JSON, one line per key; a picture is the name of the file beside it."""
    content = {
        "format_version": FORMAT_VERSION,
        "assignment": one.assignment,
        "student": one.student,
        "submission": one.submission,
        "digest": one.digest,
        "status": one.status.value,
        "score": float(one.score),
        "possible": float(one.possible),
        **({"final": float(one.final), "rules": list(one.rules)} if one.rules else {}),
        "notes": list(one.notes),
        "exercises": [_exercise(exercise) for exercise in one.exercises],
    }
    return json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def feedback_markdown(one: Feedback) -> str:
    """The feedback as CommonMark; what a student's code said stays text, never markup."""
    return "\n".join(_lines(one)) + "\n"


def picture_file(exercise: ExerciseFeedback) -> str:
    """The name of an exercise's picture beside the feedback; "" where there is none."""
    return f"{exercise.name}.png" if exercise.picture and exercise.name.isidentifier() else ""


def status_sentences(one: Feedback) -> list[str]:
    """What a student has to know before the points."""
    if one.status is Status.ABSENT:
        return ["There is no submission of yours."]
    if one.status is Status.UNREADABLE:
        return ["Your submission could not be read."]
    if one.status is Status.NEEDS_REVIEW:
        return ["A part of your submission could not be judged. Your instructor will look at it."]
    return []


def _exercise(exercise: ExerciseFeedback) -> dict[str, Any]:
    return {
        "name": exercise.name,
        "score": float(exercise.score),
        "possible": float(exercise.possible),
        "picture": picture_file(exercise) or None,
        **({"comment": exercise.comment} if exercise.comment else {}),
        "checks": [
            {
                "title": check.title,
                "hidden": check.hidden,
                "points": float(check.points),
                "score": float(check.score),
                "outcome": check.outcome.value,
                "message": check.message,
                "promises": list(check.promises),
                "misconception": check.slip or None,
                "hint": check.hint,
            }
            for check in exercise.checks
        ],
    }


def _lines(one: Feedback) -> Iterator[str]:
    yield f"# {_plain(one.assignment)}: feedback for {_plain(one.student)}"
    share = percent(one.final, one.possible)
    yield f"\n**{out_of(one.final, one.possible)} points** ({share})"
    for rule in one.rules:
        yield f"\n{_plain(rule)}"
    if one.submission:
        yield f"\nSubmission: {_plain(one.submission)}"
    for sentence in status_sentences(one):
        yield f"\n{sentence}"
    for note in one.notes:
        yield f"\n{_fenced(note)}"
    yield "\n| exercise | points |\n| --- | --- |"
    for exercise in one.exercises:
        yield f"| {_plain(exercise.name)} | {out_of(exercise.score, exercise.possible)} |"
    for exercise in one.exercises:
        yield f"\n## {_plain(exercise.name)}: {out_of(exercise.score, exercise.possible)}"
        yield ""
        if exercise.comment:
            yield f"**From your instructor:**\n\n{_fenced(exercise.comment)}\n"
        for check in exercise.checks:
            yield from _check(check)
        if picture_file(exercise):
            yield f"\n![Your plot]({picture_file(exercise)})"


def _check(check: CheckFeedback) -> Iterator[str]:
    kind = check.outcome.value.replace("_", " ") + ", hidden" * check.hidden
    mark = _MARKS.get(check.outcome, "✗")
    yield f"- {mark} {_prose(check.title)} ({kind}; {out_of(check.score, check.points)})"
    if check.message:
        yield "\n" + _indented(_fenced(check.message))
    if check.promises:
        yield f"\n  **The exercise says:** {_prose(quoted(check.promises))}\n"
    if check.slip or check.hint:
        both = " ".join(filter(None, (check.slip and f"{check.slip}.", check.hint)))
        yield f"\n  **Likely slip:** {_prose(both)}\n"


def _plain(text: str) -> str:
    """Text in which no character is markup."""
    return _escaped(" ".join(text.split()))


def _escaped(text: str) -> str:
    return _SPECIAL.sub(r"\\\g<0>", text)


def _prose(text: str) -> str:
    """An author's text, in which code stands between backticks."""
    parts = " ".join(text.split()).split("`")
    return "".join(f"`{part}`" if n % 2 else _escaped(part) for n, part in enumerate(parts))


def _fenced(text: str) -> str:
    """Text as a block of code, with a fence longer than any in it."""
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}text\n{text}\n{fence}"


def _indented(text: str) -> str:
    return "\n".join(f"  {line}" for line in text.split("\n"))
