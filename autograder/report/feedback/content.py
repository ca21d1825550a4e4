"""What a student may read of a grade: everything public, and of hidden checks what they are about.

A hidden check's title and its author's message tell the idea and never the input, so they are
shown, and so is what the exercise's own text says of it. Whatever the student's code made could
carry the input: the text of an exception prints what it likes, and a number or a key that an
author's message quotes can be any. So of an exception only its kind is named, if it is one of
Python's own, and what is quoted becomes "…".
Nothing of the run (seed, revision) or of others is in here.
"""

from __future__ import annotations

import builtins
import re
from collections.abc import Iterable
from dataclasses import dataclass

from autograder.records import (
    LONGEST_SENTENCE,
    CheckResult,
    ExerciseGrade,
    Grade,
    Outcome,
    Run,
    Status,
)
from autograder.report.page import words
from autograder.report.pictures import Picture, picture
from autograder.text import LINE_LIMIT, clean_line, clean_name, clean_text

FORMAT_VERSION = 1
_RAISED = re.compile(r"\braised ([A-Za-z]+)\b")
_MADE = re.compile(  # what an author's message quotes of an answer: numbers, and names in quotes
    r"""(?<!\w)'[^'\n]*'(?!\w)|"[^"\n]*"|“[^”\n]*”|`[^`\n]*`"""
    r"""|(?<!\w)[-+]?\d[\d_]*(?:\.\d+)?(?:e[-+]?\d+)?|(?<!\w)-?(?:nan|inf)(?!\w)"""
)
_INSTEAD = {
    Outcome.TIMEOUT: "it ran longer than the time limit",
    Outcome.MEMORY: "it used more memory than the limit",
    Outcome.DIED: "the process ended itself",
    Outcome.GRADER_ERROR: "this could not be judged; it costs you nothing, and your instructor "
    "will look",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckFeedback:
    """One check as its student sees it.

    `promises` quotes the exercise's text where the answer breaks it. `slip` is the likely
    misconception, "" if none is known.
    """

    title: str
    hidden: bool
    points: float
    score: float
    outcome: Outcome
    message: str
    promises: tuple[str, ...]
    slip: str
    hint: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ExerciseFeedback:
    """One exercise as its student sees it, with the figure that the student's function drew."""

    name: str
    score: float
    possible: float
    checks: tuple[CheckFeedback, ...]
    picture: Picture | None
    comment: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Feedback:
    """One submission's feedback: clean text, for its student alone.

    `final` is the score after the rules on deadlines, which `rules` says in words.
    """

    assignment: str
    student: str
    submission: str
    digest: str
    status: Status
    score: float
    possible: float
    notes: tuple[str, ...]
    exercises: tuple[ExerciseFeedback, ...]
    final: float
    rules: tuple[str, ...] = ()


def feedback(grade: Grade, run: Run) -> Feedback:
    """What the student of a grade may read of it."""
    return Feedback(
        assignment=clean_line(run.heading),
        student=clean_name(grade.student),
        submission=clean_name(grade.submission),
        digest=grade.digest,
        status=grade.status,
        score=grade.score,
        possible=grade.possible,
        notes=tuple(clean_text(note) for note in grade.notes),
        exercises=tuple(map(_exercise, grade.exercises)),
        final=grade.final,
        rules=tuple(map(clean_text, grade.standing.rules)) if grade.standing else (),
    )


def _exercise(exercise: ExerciseGrade) -> ExerciseFeedback:
    return ExerciseFeedback(
        name=clean_line(exercise.name),
        score=exercise.score,
        possible=exercise.possible,
        checks=tuple(_check(exercise.name, check) for check in exercise.checks),
        picture=picture(exercise.picture),
        comment=clean_text(exercise.comment),
    )


def _check(exercise: str, check: CheckResult) -> CheckFeedback:
    return CheckFeedback(
        title=clean_line(check.title),
        hidden=check.hidden,
        points=check.points,
        score=check.score,
        outcome=check.outcome,
        message=student_message(exercise, check),
        promises=tuple(clean_line(one, LONGEST_SENTENCE) for one in check.promises),
        slip=clean_line(words(check.misconception or "")),
        hint=clean_text(check.hint),
    )


def student_message(exercise: str, check: CheckResult) -> str:
    """A public check's message in full; a hidden one's only as far as no input can be in it."""
    if check.void:
        return f"this check does not count, and costs you nothing: {clean_text(check.void)}"
    if check.outcome is Outcome.GRADER_ERROR:
        return _INSTEAD[check.outcome]
    if not check.hidden:
        return clean_text(check.message)
    if check.outcome is Outcome.ERROR:
        return _raised(exercise, check.message)
    if check.outcome is Outcome.MISSING:
        return f"there is no function {exercise}"
    said = _MADE.sub("…", check.message) if check.outcome is Outcome.FAILED else check.message
    return _INSTEAD.get(check.outcome) or clean_line(said, LINE_LIMIT)


def quoted(promises: Iterable[str]) -> str:
    """Sentences of an exercise's text as a quotation."""
    return " ".join(f"“{clean_line(sentence, LONGEST_SENTENCE)}”" for sentence in promises)


def _raised(exercise: str, message: str) -> str:
    unwritten = f"{exercise} is not written yet"
    if message.startswith(unwritten):
        return unwritten
    found = _RAISED.search(message)
    kind = getattr(builtins, found[1], None) if found else None
    if isinstance(kind, type) and issubclass(kind, BaseException):
        return f"{exercise} raised {kind.__name__}"
    return f"{exercise} raised an exception"
