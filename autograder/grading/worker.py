"""One worker: a sandbox and the checks, for any number of submissions of one run."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from autograder.authoring.assignment import Assignment
from autograder.authoring.course import load_assignment
from autograder.authoring.exercise import Exercise
from autograder.courses import packages_of
from autograder.grading.attempts import Attempt, AttemptResult
from autograder.grading.cpu_budget import CpuBudget
from autograder.grading.evidence import Witness
from autograder.grading.fixtures import Fixtures
from autograder.grading.judge import Judging, is_told
from autograder.grading.misconceptions.naming import Misconceptions
from autograder.grading.misconceptions.reply_cache import Remembered
from autograder.grading.sessions import FigureCalls
from autograder.grading.settings import Settings
from autograder.inside.spec import WORKERS
from autograder.records import (
    LONGEST_CODE,
    OTHER_ASSIGNMENT,
    WHICH_FILE,
    CheckResult,
    ExerciseGrade,
    Grade,
    Outcome,
)
from autograder.sandbox.errors import SandboxError, ShortageError, is_shortage
from autograder.sandbox.isolation import Sandbox, acceptable_levels
from autograder.sandbox.session import SandboxSession, UnreadableSubmission
from autograder.seeds import bench_seed_of
from autograder.serving.tiny import grading_on
from autograder.submission.discover import Found, digest_of, read_bytes, read_companions
from autograder.submission.files import SubmissionProblem
from autograder.text import clean_line, clean_text
from moelab_kit.bench import bench_of
from moelab_kit.calls import Call

_BROKEN = frozenset(  # outcomes that say that an answer breaks a promise
    {Outcome.FAILED, Outcome.ERROR, Outcome.TIMEOUT, Outcome.MEMORY, Outcome.DIED}
)


class Worker:
    """Grades submissions one after the other; set-up is paid once."""

    def __init__(self, settings: Settings) -> None:
        import torch

        torch.set_num_threads(1)
        self._settings = settings
        placement = settings.placements[settings.placement] if settings.placements else None
        self._models = grading_on(placement, bench_seed_of(settings.seed))
        self._packages = packages_of(settings.course)
        self.sandbox = Sandbox(
            acceptable_levels(settings.isolation),
            bench_seed_of(settings.seed),
            settings.limits,
            course=settings.course,
            hidden=tuple(map(Path, settings.hidden)),
            worker=os.getpid() % WORKERS,
            equipment=self._models.equipment(),
        )
        self._doubtful, self._judged = False, True
        self._known = Remembered(16 << 20)  # the reference's replies, for evidence
        self._assignments: dict[str, tuple[Assignment, Fixtures, Misconceptions]] = {}

    def assignment_of(self, found: Found) -> str:
        """The assignment that a submission's metadata names, "" where it names none."""
        session = self._session()
        try:
            return session.read(read_bytes(found), found.file_name).assignment
        except (SubmissionProblem, UnreadableSubmission):
            return ""
        finally:
            session.close()

    def grade(self, assignment: str, found: Found, attempt: Attempt | None = None) -> Grade:
        """Grade one submission; whatever it does becomes part of its grade."""
        return self.attempt(assignment, found, attempt).grade

    def attempt(
        self, assignment: str, found: Found, attempt: Attempt | None = None
    ) -> AttemptResult:
        """Grade one submission, and say whether that has to be done again."""
        if assignment not in self._assignments:
            loaded = load_assignment(assignment, self._settings.course)
            fresh = self._fixtures(assignment)
            known = Misconceptions(self._on_tiny_models(fresh))
            self._assignments[assignment] = (loaded, fresh, known)
        lab, fixtures, _ = self._assignments[assignment]
        self._doubtful, self._judged = False, True
        grade = self._models.judged(lambda: self._grade(lab, fixtures, found, attempt))
        return AttemptResult(grade=grade, doubtful=self._doubtful, judged=self._judged)

    def _grade(
        self, lab: Assignment, fixtures: Fixtures, found: Found, attempt: Attempt | None
    ) -> Grade:
        cpu_budget = CpuBudget()
        digest, session = "", self._session(fixtures, cpu_budget)
        try:
            data = read_bytes(found)
            digest = digest_of(found, data)
            source = session.read(
                data,
                found.file_name,
                companions=read_companions(found),
                wanted=[exercise.name for exercise in lab.exercises],
            )
            notes = [*found.notes, *source.warnings]
            if source.doubt:
                notes.append(WHICH_FILE + source.doubt)
            if source.assignment and source.assignment != lab.name:
                notes.append(f"{OTHER_ASSIGNMENT}{source.assignment!r}")
            written = session.functions([exercise.name for exercise in lab.exercises])
            exercises = tuple(
                replace(one, code=clean_text(written.get(one.name, ""), LONGEST_CODE))
                for one in self._judge(lab, session, fixtures, cpu_budget, attempt)
            )
        except (SubmissionProblem, UnreadableSubmission) as problem:
            _raise_if_short(problem.__cause__)
            return ungraded(lab, found, digest, Outcome.MISSING, str(problem), readable=False)
        except SandboxError:
            raise
        except Exception as error:
            _raise_if_short(error)
            self._judged = False
            reason = f"grading broke down ({type(error).__name__}: {error})"
            return ungraded(lab, found, digest, Outcome.GRADER_ERROR, clean_line(reason, 500))
        finally:
            session.close()
            self._doubtful = session.doubtful
        return Grade(
            student=found.student,
            submission=found.name,
            digest=digest,
            exercises=exercises,
            notes=tuple(clean_line(note, 500) for note in (*notes, *session.notes)),
        )

    def _judge(
        self,
        lab: Assignment,
        session: SandboxSession,
        fixtures: Fixtures,
        cpu_budget: CpuBudget,
        attempt: Attempt | None,
    ) -> tuple[ExerciseGrade, ...]:
        """Judge all exercises; hints and pictures come when no verdict is open any more.

        A submission that ended the grader's process at them goes without.
        """
        figures = [FigureCalls(session) for _ in lab.exercises]
        judgings = [
            Judging(
                exercise,
                watched,
                fixtures,
                cpu_budget,
                attempt,
                self._watch(watched, session, fixtures),
                Witness(exercise, fixtures, cpu_budget, self._known),
            )
            for exercise, watched in zip(lab.exercises, figures, strict=True)
        ]
        for judging in judgings:
            judging.run(is_told)
        for judging in judgings:
            judging.run(lambda check: not is_told(check))
        grades = tuple(
            _quoting(lab, exercise, judging.grade)
            for exercise, judging in zip(lab.exercises, judgings, strict=True)
        )
        if attempt is not None:
            attempt.begin_extras()
            if not attempt.extras:
                return grades
        try:
            return self._with_extras(lab, grades, [watched.best for watched in figures], session)
        except SandboxError:
            raise
        except Exception as error:
            session.notes.append(f"hints and pictures are missing ({type(error).__name__})")
            return grades  # no verdict may depend on an extra

    def _with_extras(
        self,
        lab: Assignment,
        grades: tuple[ExerciseGrade, ...],
        figures: list[Call | None],
        session: SandboxSession,
    ) -> tuple[ExerciseGrade, ...]:
        """The grades with the likely misconceptions, and with pictures where these are asked for.

        `figures` has the call to draw for each exercise that drew one.
        """
        grades = self._assignments[lab.name][2].explain(lab.exercises, grades, session)
        if not self._settings.pictures:
            return grades
        if any(figures):
            session.close()  # the process that draws has seen no hidden input
        return tuple(
            replace(grade, picture=session.picture(call)) if call is not None else grade
            for grade, call in zip(grades, figures, strict=True)
        )

    def _fixtures(self, assignment: str) -> Fixtures:
        scaled, references = self._models.ground_truth(assignment)
        seed = self._settings.seed
        bench = scaled or bench_of(self._packages, bench_seed_of(seed))
        return Fixtures(assignment, seed, bench, references)

    def _on_tiny_models(self, fixtures: Fixtures) -> Fixtures:
        """The material for known-wrong solutions, which have no full-scale models to run on."""
        tiny = fixtures.bench.tiny()
        if tiny is fixtures.bench:
            return fixtures
        return Fixtures(fixtures.assignment, fixtures.seed, tiny)

    def _watch(
        self, figures: FigureCalls, session: SandboxSession, fixtures: Fixtures
    ) -> Callable[[CheckResult], None]:
        def watch(result: CheckResult) -> None:
            figures.judged(result)
            self._models.on_result(result, session.last_call, fixtures.bench)

        return watch

    def _session(
        self, fixtures: Fixtures | None = None, cpu_budget: CpuBudget | None = None
    ) -> SandboxSession:
        bench, alarm = None if fixtures is None else fixtures.bench, cpu_budget or CpuBudget()
        return SandboxSession(self.sandbox, bench, self._settings.limits, alarm.working)


def _raise_if_short(error: BaseException | None) -> None:
    """Raise `ShortageError` where it is the grader that ran out of something."""
    if error is not None and is_shortage(error):
        raise ShortageError(f"the grader itself ran out of something ({error})") from error


def _quoting(lab: Assignment, exercise: Exercise, grade: ExerciseGrade) -> ExerciseGrade:
    """The grade, with what the exercise's text says beside the checks that failed."""
    checks = {check.name: check for check in exercise.checks}

    def quoting(result: CheckResult) -> CheckResult:
        unwritten = result.message.startswith(f"{exercise.name} is not written yet")
        if result.outcome not in _BROKEN or unwritten:
            return result
        return replace(result, promises=lab.sentences(exercise, checks[result.name]))

    return replace(grade, checks=tuple(map(quoting, grade.checks)))


def ungraded(
    assignment: Assignment,
    found: Found,
    digest: str,
    outcome: Outcome,
    reason: str,
    *,
    readable: bool = True,
) -> Grade:
    """The grade of a submission of which no check could be run, with every exercise listed."""

    def result(name: str, title: str, hidden: bool, points: float) -> CheckResult:
        return CheckResult(
            name=name, title=title, hidden=hidden, points=points, outcome=outcome, message=reason
        )

    return Grade(
        student=found.student,
        submission=found.name,
        digest=digest,
        exercises=tuple(
            ExerciseGrade(
                name=exercise.name,
                checks=tuple(
                    result(check.name, check.title, check.hidden, check.points)
                    for check in exercise.checks
                ),
            )
            for exercise in assignment.exercises
        ),
        readable=readable,
        notes=tuple(clean_line(note, 500) for note in (*found.notes, reason)),
    )
