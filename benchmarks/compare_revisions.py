"""CPU milliseconds per complete submission of several checkouts, taking turns in one run.

    git worktree add ../before v0.1.0
    python benchmarks/compare_revisions.py ../before . --rounds 10

Machines differ from hour to hour: only turns in one run tell whether a revision is faster. Each
checkout grades its own solved notebook, its own functions in one cell, and a solution in another
style, at isolation `auto`, warm; with `--only`, one of these.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ASSIGNMENT = "moe_router_analysis"
SUBMISSIONS = ("functions", "notebook", "another style")
ANOTHER_STYLE = "tests/solutions/functional.py"


def serve(root: Path, names: Sequence[str]) -> None:
    """Grade what standard input names, one submission a line, and print the CPU milliseconds."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    sys.path[:0] = [str(root), str(root / "benchmarks")]
    import per_submission

    import autograder
    from autograder.authoring.course import load_assignment
    from autograder.grading.settings import Settings
    from autograder.grading.worker import Worker
    from autograder.submission.discover import find_submissions

    if not str(autograder.__file__).startswith(str(root)):
        raise SystemExit(f"{root}: its own packages are not the ones that are imported")
    lab = load_assignment(ASSIGNMENT)
    with tempfile.TemporaryDirectory() as folder:
        files = {"another style": root / ANOTHER_STYLE}
        for name, functions_only in (("functions", True), ("notebook", False)):
            files[name] = Path(folder) / f"{name}.ipynb"
            text = per_submission._text(lab, functions_only=functions_only)
            files[name].write_text(text, encoding="utf-8")
        worker = Worker(Settings(seed="benchmark"))
        found = {name: find_submissions([files[name]])[0] for name in names}
        for submission in found.values():
            grade = worker.grade(lab.name, submission)
            if grade.score != grade.possible:
                raise SystemExit(f"{root}: {submission.name} earns {grade.score:g} points")
        print("ready", file=answers, flush=True)
        for line in sys.stdin:
            before = per_submission.cpu_seconds()
            worker.grade(lab.name, found[line.strip()])
            print(1e3 * (per_submission.cpu_seconds() - before), file=answers, flush=True)
        worker.sandbox.close()


def start(root: Path, names: Sequence[str]) -> subprocess.Popen[str]:
    chosen = [f"--only={name}" for name in names]
    command = [sys.executable, __file__, "--serve", str(root), *chosen]
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    return subprocess.Popen(command, cwd=root, **pipes)


def answer_of(process: subprocess.Popen[str]) -> str:
    answer = process.stdout.readline().strip() if process.stdout else ""
    if not answer:
        raise SystemExit("a checkout's process has ended; its message stands above")
    return answer


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("checkouts", nargs="+", type=Path)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--only", action="append", choices=SUBMISSIONS)
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    roots = [root.resolve() for root in options.checkouts]
    if options.serve:
        serve(roots[0], options.only)
        return
    names = options.only or SUBMISSIONS
    processes = [start(root, names) for root in roots]
    for process in processes:
        answer_of(process)
    print(f"{'':16}" + "".join(f"{root.name:>16}" for root in roots) + "   (median, minimum)")
    for name in names:
        taken: list[list[float]] = [[] for _ in roots]
        for _ in range(options.rounds):
            for process, times in zip(processes, taken, strict=True):
                process.stdin.write(f"{name}\n")
                process.stdin.flush()
                times.append(float(answer_of(process)))
        cells = (f"{statistics.median(times):9.0f} {min(times):6.0f}" for times in taken)
        print(f"{name:16}" + "".join(cells))
    for process in processes:
        process.stdin.close()
        process.wait()


if __name__ == "__main__":
    main()
