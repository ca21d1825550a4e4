"""What grading produces: frozen records that every other part reads and none changes."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from autograder.text import plain

MANUAL_ADJUSTMENT = "manual_adjustment"  # the name of the entry for points that a person gave
NO_SUBMISSION = "no submission"
WHICH_FILE = "which file counts: "  # how a note begins that a person should decide on
NOBODYS = "nobody in the roster fits this file"  # how a note begins
LONGEST_EVIDENCE = 1_000  # characters of a call, or of what it gave
LONGEST_CODE = 8_000  # characters of a function as a student wrote it
LONGEST_SENTENCE = 1_000  # characters of a sentence of an exercise's text that is quoted
OTHER_ASSIGNMENT = "its metadata names the assignment "  # how a note of a wrong one begins
LATE = "handed in late, as the learning platform marks it"


class Outcome(StrEnum):
    """How one check ended for one submission."""

    PASSED = "passed"
    FAILED = "failed"
    ERROR = "error"
    TIMEOUT = "timeout"
    MEMORY = "memory"
    DIED = "died"
    MISSING = "missing"
    SKIPPED = "skipped"
    GRADER_ERROR = "grader_error"


class Status(StrEnum):
    """How a submission as a whole stands."""

    GRADED = "graded"
    NEEDS_REVIEW = "needs_review"
    UNREADABLE = "unreadable"
    ABSENT = "absent"  # a student of the roster without a file


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What instructors are shown of a failed check: a call, its result, and the reference's.

    It holds inputs and right values, so no student may read it.
    """

    call: str
    got: str
    expected: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckResult:
    """The outcome of one check against one submission.

    `misconception` names the known-wrong solution that gives the same answers, where exactly one
    does, and `hint` is what helps a student who thinks that way. `promises` are the sentences of
    the exercise's text that the check proves, where it did not pass. `evidence` is for instructors
    alone. `by_hand` are points that a person added (below zero: took) on top, in an entry of its
    own named `MANUAL_ADJUSTMENT`. `void` says why a person made the check void: it costs nobody
    anything.
    """

    name: str
    title: str
    hidden: bool
    points: float
    outcome: Outcome
    message: str = ""
    misconception: str | None = None
    hint: str = ""
    promises: tuple[str, ...] = ()
    evidence: Evidence | None = None
    seconds: float = 0.0
    by_hand: float = 0.0
    void: str = ""

    @property
    def score(self) -> float:
        """Full points for a pass, and where the grader itself failed: nobody pays for our bug."""
        earned = self.outcome in (Outcome.PASSED, Outcome.GRADER_ERROR) or bool(self.void)
        return self.by_hand + (self.points if earned else 0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExerciseGrade:
    """All checks of one exercise against one submission.

    `picture` is a PNG of the figure that the student's function drew; empty where none was asked
    for or drawn. `code` is the function as the student wrote it, with the helpers that it names; it
    is for instructors alone. `comment` is what a person wrote to the student.
    """

    name: str
    checks: tuple[CheckResult, ...]
    picture: bytes = b""
    code: str = ""
    comment: str = ""

    @property
    def judged(self) -> tuple[CheckResult, ...]:
        """The checks that the grader made: all but the entry for points given by hand."""
        return tuple(check for check in self.checks if check.name != MANUAL_ADJUSTMENT)

    @property
    def adjustment(self) -> CheckResult | None:
        """The entry for points that a person gave, where one did."""
        return next((check for check in self.checks if check.name == MANUAL_ADJUSTMENT), None)

    @property
    def score(self) -> float:
        return math.fsum(check.score for check in self.checks)

    @property
    def possible(self) -> float:
        return math.fsum(check.points for check in self.checks)


@dataclass(frozen=True, slots=True, kw_only=True)
class Enrolment:
    """What the course's roster says of a student besides the name; "" where it does not say."""

    email: str = ""
    number: str = ""
    section: str = ""
    groups: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What the course's rules on deadlines make of a grade.

    `percent` of the score is taken for `days_late`, which leaves the `final` one; `rules` say so in
    words. `submitted` is `None` where nobody says when the file was handed in.
    """

    due: datetime
    submitted: datetime | None
    days_late: int
    percent: float
    final: float
    rules: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Grade:
    """One submission's grade; `submission` is its path relative to the folder that was given.

    `submission` is "" for a student of the roster who handed in nothing. `replaced_by` names the
    same student's newer submission, which counts instead; "" where this one counts. `identity` is
    how a learning platform knows the students: `canvas 123`, `moodle 47`, `email ada@example.org`.
    `enrolment` is `None` where no roster was given. `submitted` is when the file was handed in, as
    the platform says (in the course's time zone, where it names none); `standing` what the rules
    on deadlines make of the score, where there are any.
    """

    student: str
    submission: str
    digest: str
    exercises: tuple[ExerciseGrade, ...]
    readable: bool = True
    notes: tuple[str, ...] = ()
    replaced_by: str = ""
    identity: tuple[str, ...] = ()
    late: bool = False
    enrolment: Enrolment | None = None
    submitted: datetime | None = None
    standing: Standing | None = None

    @property
    def score(self) -> float:
        return math.fsum(exercise.score for exercise in self.exercises)

    @property
    def possible(self) -> float:
        return math.fsum(exercise.possible for exercise in self.exercises)

    @property
    def final(self) -> float:
        """The score after the rules on deadlines; the score itself where there are none."""
        return self.score if self.standing is None else self.standing.final

    @property
    def known_by(self) -> tuple[frozenset[str], ...]:
        """How a roster may know the students: by a platform's word, its names, the name here."""
        said = frozenset(k.casefold() if k.startswith("email ") else k for k in self.identity)
        names = frozenset(f"called {plain(k[5:])}" for k in said if k.startswith("name "))
        return said, names, frozenset({f"called {plain(self.student)}"})

    @property
    def email(self) -> str:
        """The students' addresses: the roster's word, else the learning platform's."""
        return self.enrolment.email if self.enrolment else ", ".join(self._said("email"))

    @property
    def number(self) -> str:
        """The students' numbers: the roster's word, else the learning platform's."""
        if self.enrolment:
            return self.enrolment.number
        platform = (*self._said("canvas"), *self._said("moodle"))
        return ", ".join(self._said("id") or [one for one in platform if one.isdecimal()])

    @property
    def section(self) -> str:
        """The student's section of the course, as the roster says."""
        return self.enrolment.section if self.enrolment else ""

    @property
    def set_by_hand(self) -> bool:
        """Whether a person gave points for an exercise."""
        return any(exercise.adjustment for exercise in self.exercises)

    @property
    def counts(self) -> bool:
        """Whether this is the student's newest submission."""
        return not self.replaced_by

    @property
    def status(self) -> Status:
        if not self.submission and not self.readable:
            return Status.ABSENT
        if not self.readable:
            return Status.UNREADABLE
        open_questions = (
            check
            for exercise in self.exercises
            if exercise.adjustment is None  # else a person has looked
            for check in exercise.checks
        )
        if any(
            check.outcome is Outcome.GRADER_ERROR and not check.void for check in open_questions
        ):
            return Status.NEEDS_REVIEW
        if any(note.startswith(WHICH_FILE) for note in self.notes) and not self.set_by_hand:
            return Status.NEEDS_REVIEW
        return Status.GRADED

    def _said(self, kind: str) -> list[str]:
        """What a learning platform says of this kind: `email`, `id`, `canvas` or `moodle`."""
        start = f"{kind} "
        return [key.removeprefix(start) for key in self.identity if key.startswith(start)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What all grades of one grading run share; `title` is the assignment's, "" if not known."""

    assignment: str
    course_revision: str
    seed: str
    isolation: str
    models: tuple[str, ...]
    title: str = ""

    @property
    def heading(self) -> str:
        """What stands above reports: the assignment's title, or its name."""
        return self.title or self.assignment


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassGrades:
    """One run and its grades, in the order of the submissions: what every report reads."""

    run: Run
    grades: tuple[Grade, ...]

    @property
    def counting(self) -> tuple[Grade, ...]:
        """The grades that count: all but those of files that a student has replaced."""
        return tuple(grade for grade in self.grades if grade.counts)


def absent(student: str, classmates: Iterable[Grade], identity: Iterable[str]) -> Grade:
    """The grade of who handed in nothing: no points in every exercise that classmates have."""
    longest = max(classmates, key=lambda grade: len(grade.exercises), default=None)
    return Grade(
        student=student,
        submission="",
        digest="",
        exercises=tuple(
            ExerciseGrade(name=exercise.name, checks=tuple(map(_missing, exercise.judged)))
            for exercise in (longest.exercises if longest else ())
        ),
        readable=False,
        notes=(NO_SUBMISSION,),
        identity=tuple(sorted(identity)),
    )


def _missing(check: CheckResult) -> CheckResult:
    return CheckResult(
        name=check.name,
        title=check.title,
        hidden=check.hidden,
        points=check.points,
        outcome=Outcome.MISSING,
        message=NO_SUBMISSION,
    )
