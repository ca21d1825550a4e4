"""One worker: a sandbox and the checks, for any number of submissions of one run."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from autograder.authoring.assignment import Assignment
from autograder.grading.course import load_assignment
from autograder.grading.judge import judge_exercise
from autograder.grading.material import Material, bench_seed_of
from autograder.grading.replies import FigureCalls
from autograder.grading.tasks import Settings
from autograder.records import CheckResult, ExerciseGrade, Grade, Outcome
from autograder.sandbox.levels import Sandbox, acceptable_levels
from autograder.sandbox.session import SandboxSession, UnreadableSubmission
from autograder.submission.discover import Found, SubmissionProblem, digest_of_bytes, read_bytes
from autograder.wire.text import clean_line


class Worker:
    """Grades submissions one after the other; set-up is paid once."""

    def __init__(self, settings: Settings) -> None:
        import torch

        torch.set_num_threads(1)
        self._settings = settings
        self.sandbox = Sandbox(
            acceptable_levels(settings.isolation),
            bench_seed_of(settings.seed),
            settings.limits,
            course=settings.course,
            hidden=tuple(map(Path, settings.hidden)),
            worker=os.getpid() % 4000,
        )
        self._assignments: dict[str, tuple[Assignment, Material]] = {}

    def assignment_of(self, found: Found) -> str:
        """The assignment that a submission's metadata names, "" where it names none."""
        try:
            return self._session().read(read_bytes(found), found.path.name).assignment
        except (SubmissionProblem, UnreadableSubmission):
            return ""

    def grade(self, assignment: str, found: Found) -> Grade:
        """Grade one submission; whatever it does becomes part of its grade."""
        if assignment not in self._assignments:
            loaded = load_assignment(assignment, self._settings.course)
            self._assignments[assignment] = (loaded, Material(assignment, self._settings.seed))
        lab, material = self._assignments[assignment]
        digest, session = "", self._session(material)
        try:
            data = read_bytes(found)
            digest = digest_of_bytes(data)
            source = session.read(data, found.path.name)
            notes = list(source.warnings)
            if source.assignment and source.assignment != assignment:
                notes.append(f"its metadata names the assignment {source.assignment!r}")
            exercises = self._judge(lab, session, material)
        except (SubmissionProblem, UnreadableSubmission) as problem:
            return ungraded(lab, found, digest, Outcome.MISSING, str(problem), readable=False)
        finally:
            session.close()
        return Grade(
            student=found.student,
            submission=found.name,
            digest=digest,
            exercises=exercises,
            notes=tuple(clean_line(note, 500) for note in (*notes, *session.notes)),
        )

    def _judge(
        self, lab: Assignment, session: SandboxSession, material: Material
    ) -> tuple[ExerciseGrade, ...]:
        """Judge all exercises; pictures are made when no verdict is open any more."""
        judged = []
        for exercise in lab.exercises:
            watched = FigureCalls(session)
            grade = judge_exercise(exercise, watched, material, watch=watched.judged)
            judged.append((grade, watched.best))
        if not self._settings.pictures:
            return tuple(grade for grade, _ in judged)
        return tuple(
            replace(grade, picture=session.picture(call)) if call is not None else grade
            for grade, call in judged
        )

    def _session(self, material: Material | None = None) -> SandboxSession:
        bench = None if material is None else material.bench
        return SandboxSession(self.sandbox, bench, self._settings.limits)


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
        notes=(clean_line(reason, 500),),
    )
