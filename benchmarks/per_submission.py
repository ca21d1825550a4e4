"""Milliseconds per submission, side by side in one run: moelab, the floor, and `otter run`.

    python benchmarks/per_submission.py [--assignment NAME] [--rounds 20] [--otter-rounds 2]

* grader: read the notebook, run its cells and the checks in the sandbox, warm (once with the public
  checks alone, as Otter runs them, once with all);
* floor: the same cells and the same checks in one process, functions called directly, no isolation;
* otter run: Otter's own execution of the same notebook with the same public checks.

The notebook is the student edition with the reference solutions filled in, its cells between the
exercises (pictures, a small training run) included; `--functions-only` leaves those out.

Wall time and CPU seconds (this process and all it started). Ratios matter, not milliseconds. At
the end the CPU time of one submission with all checks, part by part; `--cpu-only` gives just that.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(variable, "1")

import nbformat
from nbformat.v4 import new_code_cell, new_notebook
from submission_cpu import Part, parts_of

from autograder.authoring.assignment import Assignment
from autograder.authoring.course import load_assignment
from autograder.edition.notebook import solved_notebook
from autograder.edition.otter_tests import otter_test
from autograder.edition.source import script, solution_source
from autograder.grading.fixtures import Fixtures
from autograder.grading.judge import judge_exercise
from autograder.grading.settings import Settings
from autograder.grading.worker import Worker
from autograder.notebook.reading import read_submission
from autograder.notebook.workspace import Workspace
from autograder.records import Outcome
from autograder.sandbox.limits import Limits
from autograder.sandbox.session import SandboxSession
from autograder.submission.discover import find_submissions
from moe_lab import load_model, load_tokenizer
from moelab_kit.calls import Call, Reply, perform


class DirectSession:
    """Functions called as they are: no wire, no process, no isolation."""

    def __init__(self, functions: Mapping[str, Callable[..., Any]]) -> None:
        self._functions = functions

    def perform(self, call: Call, time_limit: float | None = None) -> Reply:
        return perform(self._functions[call.function], call)


def milliseconds(work: Callable[[], object], rounds: int) -> tuple[float, float]:
    """Median wall and mean CPU milliseconds of `work`, after one unmeasured round."""
    work()
    walls, before = [], cpu_seconds()
    for _ in range(rounds):
        started = time.perf_counter()
        work()
        walls.append(time.perf_counter() - started)
    return 1e3 * statistics.median(walls), 1e3 * (cpu_seconds() - before) / rounds


def cpu_seconds() -> float:
    """CPU time of this process and of everything below it, running or ended."""
    own = resource.getrusage(resource.RUSAGE_SELF)
    return own.ru_utime + own.ru_stime + sum(map(_tree_seconds, _children_of(os.getpid())))


def _tree_seconds(pid: int) -> float:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    except OSError:
        return 0.0
    ticks = sum(map(int, fields[11:15]))  # its own time and that of children it has reaped
    return ticks / os.sysconf("SC_CLK_TCK") + sum(map(_tree_seconds, _children_of(pid)))


def _children_of(pid: int) -> list[int]:
    try:
        text = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="utf-8")
    except OSError:
        return []
    return [int(child) for child in text.split()]


def _text(lab: Assignment, *, functions_only: bool) -> str:
    """The solved notebook, or one with a single cell that defines all the functions."""
    if not functions_only:
        return solved_notebook(lab, {})
    functions = script(solution_source(e, e.solution_function) for e in lab.exercises)
    return str(nbformat.writes(new_notebook(cells=[new_code_cell(functions)])))


def otter_run_ms(lab: Assignment, notebook: Path, rounds: int) -> float:
    """Median wall milliseconds of `otter run` on the notebook with the public checks."""
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        (work / "tests").mkdir()
        for exercise in lab.exercises:
            source = otter_test(exercise)
            (work / "tests" / f"{exercise.name}.py").write_text(source, encoding="utf-8")
        otter = [sys.executable, "-m", "otter"]
        package = ["generate", "-t", "tests", "-o", "a.zip", "--no-environment"]
        run_quietly([*otter, *package, "--no-requirements", "--no-config"], work)
        walls = []
        for _ in range(rounds):
            started = time.perf_counter()
            run_quietly([*otter, "run", "-a", "a.zip", str(notebook)], work)
            walls.append(1e3 * (time.perf_counter() - started))
        return statistics.median(walls)


def run_quietly(command: list[str], folder: Path) -> None:
    root = str(Path(__file__).resolve().parents[1])
    environment = os.environ | {"PYTHONPATH": root}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stderr.decode()[-2000:]}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--assignment", default="moe_router_analysis")
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--otter-rounds", type=int, default=2)
    parser.add_argument("--functions-only", action="store_true")
    parser.add_argument("--cpu-only", action="store_true")
    options = parser.parse_args()

    lab = load_assignment(options.assignment)
    with tempfile.TemporaryDirectory() as folder:
        notebook = Path(folder) / "correct.ipynb"
        notebook.write_text(_text(lab, functions_only=options.functions_only), encoding="utf-8")
        found = find_submissions([notebook])[0]
        worker = Worker(Settings(seed="benchmark"))
        grade = worker.grade(lab.name, found)
        checks = [check for exercise in grade.exercises for check in exercise.checks]
        lost = [check.name for check in checks if check.outcome is not Outcome.PASSED]
        if lost:
            raise SystemExit(f"the reference solutions lose points: {lost}")

        fixtures = Fixtures(lab.name, "benchmark")
        direct = DirectSession({e.name: e.solution_function for e in lab.exercises})

        source = read_submission(notebook.read_bytes(), notebook.name)
        given = {"load_model": load_model, "load_tokenizer": load_tokenizer}

        def cells() -> None:
            with Workspace(given) as workspace:
                for cell in source.cells:
                    workspace.run_cell(cell, source.kind)

        def checks_alone() -> None:
            for exercise in lab.exercises:
                judge_exercise(exercise, direct, fixtures)

        def all_checks() -> None:
            worker.grade(lab.name, found)

        def public_checks() -> None:
            session = SandboxSession(worker.sandbox, fixtures.bench, Limits())
            session.read(notebook.read_bytes(), notebook.name)
            for exercise in lab.exercises:
                judge_exercise(exercise, session, fixtures, only=lambda check: not check.hidden)
            session.close()

        def floor() -> None:
            cells()
            checks_alone()

        cpu, parts = parts_of(worker.sandbox, lab, fixtures, notebook, cpu_seconds, options.rounds)
        if options.cpu_only:
            worker.sandbox.close()
            print_parts(cpu, parts, options.rounds)
            return

        rows = {
            "grader, public checks": milliseconds(public_checks, options.rounds),
            "grader, all checks": milliseconds(
                lambda: worker.grade(lab.name, found), options.rounds
            ),
            "floor, all checks": milliseconds(floor, options.rounds),
            "  of it the checks": milliseconds(checks_alone, options.rounds),
        }
        otter = otter_run_ms(lab, notebook, options.otter_rounds) if options.otter_rounds else 0.0
        worker.sandbox.close()

    size = f"{len(lab.exercises)} exercises, {len(checks)} checks, {grade.possible:g} points"
    print(f"{lab.name}: {size}")
    print(f"isolation: {worker.sandbox.level}; medians of {options.rounds} rounds\n")
    print(f"{'':24} {'wall ms':>9} {'CPU ms':>9}")
    for name, (wall, cpu) in rows.items():
        print(f"{name:24} {wall:9.0f} {cpu:9.0f}")
    grader, base = rows["grader, all checks"][0], rows["floor, all checks"][0]
    print(f"{'otter run, public checks':24} {otter:9.0f}")
    print(f"\ngrader - 1.25 x floor = {grader - 1.25 * base:.0f} ms (aim: below 60)")
    public = rows["grader, public checks"][0]
    print(f"otter run / grader, public checks of both = {otter / public:.1f} (aim: above 20)\n")
    print_parts(cpu, parts, options.rounds)


def print_parts(cpu: float, parts: list[Part], rounds: int) -> None:
    print(f"CPU per complete submission: median {cpu:.0f} ms of {rounds} rounds (aim: below 1000)")
    print(f"{'':34} {'grader':>7} {'child':>7} {'both':>7}")
    for part in parts:
        both = part.grader + part.child
        print(f"{part.name:34} {part.grader:7.1f} {part.child:7.1f} {both:7.1f}")


if __name__ == "__main__":
    main()
