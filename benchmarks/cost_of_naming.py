"""What naming misconceptions costs a class: its share of the time that grading takes.

    python benchmarks/cost_of_naming.py [--students 300] [--wrong 0.35] [--assignment NAME]...

Each made-up student hands in a complete solution in which each exercise is, with this probability,
one of the independent slips (tests/solutions/slips). One worker grades them all in the sandbox.
Wall seconds; the share is what counts. "First" is the search in the first tenth of the class, where
the worker does not know most replies of the chaffs yet.
"""

from __future__ import annotations

import argparse
import os
import random
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(variable, "1")

import with_tests  # noqa: F401
from misconceptions import ASSIGNMENTS
from variations import BASES, variations

from autograder.authoring.course import load_assignment
from autograder.authoring.exercise import Exercise
from autograder.grading import worker
from autograder.grading.misconceptions.naming import Misconceptions
from autograder.grading.settings import Settings
from autograder.records import ExerciseGrade
from autograder.session import Session
from autograder.submission.discover import find_submissions


class Timed(Misconceptions):
    """Misconceptions that note how long each submission's search took."""

    taken: list[float]

    def explain(
        self,
        exercises: Sequence[Exercise],
        grades: Sequence[ExerciseGrade],
        session: Session,
        seconds: float = 20.0,
    ) -> tuple[ExerciseGrade, ...]:
        started = time.perf_counter()
        try:
            return super().explain(exercises, grades, session, seconds)
        finally:
            self.taken.append(time.perf_counter() - started)


def hand_in(folder: Path, assignment: str, students: int, wrong: float) -> None:
    """Write a class of scripts, each with slips of its own."""
    base = BASES[assignment]
    exercises = load_assignment(assignment).exercises
    slips = [variations("slips", assignment, exercise.name) for exercise in exercises]
    for number in range(students):
        source, chance = base.read_text(encoding="utf-8"), random.Random(number)
        for slip in map(chance.choice, slips):
            fits = all(source.count(old) == 1 for old, _ in slip.changes)
            if chance.random() < wrong and fits:
                for old, new in slip.changes:
                    source = source.replace(old, new)
                source = f"{source}\n\n{slip.after}\n"
        (folder / f"student_{number:03}.py").write_text(source, encoding="utf-8")


def measure(assignment: str, students: int, wrong: float) -> None:
    """Grade a class, and print a line of Markdown."""
    Timed.taken = []
    with tempfile.TemporaryDirectory() as folder:
        hand_in(Path(folder), assignment, students, wrong)
        found = find_submissions([Path(folder)])
        one = worker.Worker(Settings(seed="benchmark", hidden=(folder,)))
        started = time.perf_counter()
        grades = [one.grade(assignment, submission) for submission in found]
        seconds = time.perf_counter() - started
    exercises = [exercise for grade in grades for exercise in grade.exercises]
    wrongs = [exercise for exercise in exercises if exercise.score < exercise.possible]
    named = [e for e in wrongs if any(check.misconception for check in e.checks)]
    first = Timed.taken[: max(1, students // 10)]
    cells = (
        assignment,
        f"{len(wrongs)} of {len(exercises)}",
        len(named),
        f"{seconds / students:.2f} s",
        f"{sum(Timed.taken) / students:.3f} s",
        f"{100 * sum(Timed.taken) / seconds:.1f} %",
        f"{sum(first) / len(first):.3f} s",
    )
    print(f"| {' | '.join(map(str, cells))} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--assignment", action="append", choices=ASSIGNMENTS)
    parser.add_argument("--students", type=int, default=300)
    parser.add_argument("--wrong", type=float, default=0.35)
    options = parser.parse_args()
    worker.Misconceptions = Timed  # type: ignore[misc]
    print("| assignment | wrong exercises | named | a submission | of it naming | share | first |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: |")
    for assignment in options.assignment or ASSIGNMENTS:
        measure(assignment, options.students, options.wrong)


if __name__ == "__main__":
    main()
