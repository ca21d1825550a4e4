"""CPU milliseconds of grading one submission, part by part: in the grader and in the sandbox."""

from __future__ import annotations

import os
import statistics
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from autograder.authoring.assignment import Assignment
from autograder.grading.fixtures import Fixtures
from autograder.grading.judge import judge_exercise
from autograder.records import Outcome
from autograder.sandbox.child import Child
from autograder.sandbox.isolation import Sandbox
from autograder.sandbox.limits import Limits
from autograder.sandbox.session import SandboxSession

REST = "fork, lock-down and end"


@dataclass(frozen=True, slots=True)
class Part:
    """Median CPU milliseconds of one part of grading."""

    name: str
    grader: float
    child: float


def parts_of(
    sandbox: Sandbox,
    lab: Assignment,
    fixtures: Fixtures,
    notebook: Path,
    total_seconds: Callable[[], float],
    rounds: int,
) -> tuple[float, list[Part]]:
    """The median of all CPU milliseconds of a submission, and the medians of its parts.

    `total_seconds` is the CPU time of this process and of everything below it.
    """
    samples: dict[str, list[tuple[float, float]]] = defaultdict(list)
    totals = []
    for number in range(rounds + 1):
        before = total_seconds()
        measured = _once(sandbox, lab, fixtures, notebook)
        total = 1e3 * (total_seconds() - before)
        if number == 0:
            continue
        totals.append(total)
        known = sum(grader + child for grader, child in measured.values())
        for name, sample in {**measured, REST: (0.0, total - known)}.items():
            samples[name].append(sample)
    parts = [
        Part(name, *(statistics.median(column) for column in zip(*found, strict=True)))
        for name, found in samples.items()
    ]
    return statistics.median(totals), parts


def _once(
    sandbox: Sandbox, lab: Assignment, fixtures: Fixtures, notebook: Path
) -> dict[str, tuple[float, float]]:
    """CPU milliseconds (grader, child) of each part of grading a submission once."""
    session = SandboxSession(sandbox, fixtures.bench, Limits())
    measured: dict[str, tuple[float, float]] = {}

    def part(name: str, work: Callable[[], object]) -> None:
        grader, child = time.process_time(), _milliseconds(session._child)
        work()
        ended = _milliseconds(session._child)
        measured[name] = (1e3 * (time.process_time() - grader), max(ended - child, 0.0))

    def judge(number: int) -> None:
        grade = judge_exercise(lab.exercises[number], session, fixtures)
        lost = [check.name for check in grade.checks if check.outcome is not Outcome.PASSED]
        if lost:
            raise SystemExit(f"the reference solutions lose points: {lost}")

    part("reading the file", lambda: session.read(notebook.read_bytes(), notebook.name))
    part("running the cells", session._run_cells)
    for number, exercise in enumerate(lab.exercises):
        part(exercise.name, lambda number=number: judge(number))
    session.close()
    return measured


def _milliseconds(child: Child | None) -> float:
    """CPU time of a child so far, in milliseconds; 0 where there is none."""
    if child is None:
        return 0.0
    described = Path(f"/proc/self/fdinfo/{child._process.descriptor}").read_text(encoding="ascii")
    pid = next(line.split()[1] for line in described.splitlines() if line.startswith("Pid:"))
    tasks = f"/proc/{pid}/task"
    try:
        times = [Path(f"{tasks}/{task}/schedstat").read_text() for task in os.listdir(tasks)]
    except OSError:
        return 0.0
    return sum(int(text.split()[0]) for text in times) / 1e6
