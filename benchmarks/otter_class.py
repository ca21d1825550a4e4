"""Grade the demo's whole class with moelab, with Otter and in Gradescope's folders, and compare.

    python benchmarks/otter_class.py [ASSIGNMENT] [--course PACKAGE] [--jobs N]

Gradescope's runs have no namespaces, as in its containers. Prints a Markdown table, one row per
submission, and exits with 1 when a check has another verdict or other points somewhere.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "otter")]

from places import API, Ended, Gradescope, run

from autograder.build.package import package
from autograder.demo.samples import samples
from autograder.grading.course import load_assignment
from autograder.otter.engine import Order

LIMITS = ("--time-limit", "5", "--total-time", "60", "--seed", "class")  # as in `moelab demo`
PASSING = ("passed", "grader_error")


def known(grade: dict[str, Any]) -> list[Any]:
    """What the grade file says of every check."""
    return [
        [exercise["name"], c["title"], c["hidden"], c["points"], c["outcome"] in PASSING]
        for exercise in grade["exercises"]
        for c in exercise["checks"]
    ]


def told(ended: Ended) -> list[Any] | None:
    """What Otter says of every check; None where it gave no results."""
    if "RESULTS " not in ended.out:
        return None
    return [
        [question, *check[:4]]
        for question, found in ended.results["questions"].items()
        for check in found["checks"]
    ]


def grades_of(folder: Path, out: Path, order: Order) -> dict[str, dict[str, Any]]:
    """The class by file name, from `moelab grade`."""
    command = [sys.executable, "-m", "autograder.cli", "grade", folder, *order.options]
    command += ["--assignment", order.assignment, "--course", order.course]
    command += ["--json", out / "grades.json", "--gradebook", f"sqlite:///{out}/book.db"]
    ended = run(*command, cwd=ROOT)
    assert ended.status in (0, 1), ended.err
    grades = json.loads((out / "grades.json").read_text(encoding="utf-8"))["grades"]
    return {grade["submission"]: grade for grade in grades}


def main(arguments: list[str] | None = None) -> int:
    """Make the class, grade it in all three ways, print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("assignment", nargs="?", default="moe_routing_in_practice")
    parser.add_argument("--course", default="reference")
    parser.add_argument("--jobs", type=int, default=max(1, (os.cpu_count() or 2) // 2))
    options = parser.parse_args(arguments)
    order = Order(assignment=options.assignment, course=options.course, options=LIMITS)
    assignment = load_assignment(order.assignment, order.course)
    with tempfile.TemporaryDirectory(prefix="otter-class-") as name:
        out = Path(name)
        folder = out / "submissions"
        folder.mkdir()
        for sample in samples(assignment):
            (folder / sample.name).write_bytes(sample.data)
        made = out / "autograder.zip"
        made.write_bytes(package(assignment, order))
        grades = grades_of(folder, out, order)

        def row(submission: str) -> tuple[str, bool]:
            started = time.monotonic()
            otter = told(run(*API, folder / submission, made, cwd=out))
            seconds = time.monotonic() - started
            place = Gradescope(out / f"{submission}-gradescope", made)
            place.grade({submission: (folder / submission).read_bytes()})
            left = place.root / "results" / "results.pkl"
            scope = told(run(*API, left)) if left.is_file() else None
            grade = grades[submission]
            return _row(grade, otter, scope, seconds)

        with ThreadPoolExecutor(options.jobs) as pool:
            rows = list(pool.map(row, sorted(grades)))
    print("| submission | moelab grade | otter run | Gradescope's folders |")
    print("| --- | --- | --- | --- |")
    print("\n".join(line for line, _ in rows))
    return 0 if all(same for _, same in rows) else 1


def _row(
    grade: dict[str, Any], otter: list[Any] | None, scope: list[Any] | None, seconds: float
) -> tuple[str, bool]:
    """One row, and whether the three agree; Otter refuses a file that is no notebook by itself."""
    right = known(grade)
    refused = otter is None and grade["status"] == "unreadable"
    same = (otter == right or refused) and scope == right
    words = [
        "refused by Otter itself, no results" if refused else _words(right, otter),
        _words(right, scope),
    ]
    name, score = grade["submission"], f"{grade['score']:g} of {grade['possible']:g}"
    print(f"{name}: {score}; {words}, {seconds:.0f} s", file=sys.stderr, flush=True)
    return f"| `{name}` | {score} | {' | '.join(words)} |", same


def _words(right: list[Any], found: list[Any] | None) -> str:
    if found is None:
        return "**no results**"
    different = sum(one != other for one, other in zip(right, found, strict=False))
    different += abs(len(right) - len(found))
    points = sum(check[3] for check in found if check[4])
    if different:
        return f"{points:g}, **{different} of {len(right)} checks differ**"
    return f"{points:g}, the same in all {len(right)} checks"


if __name__ == "__main__":
    sys.exit(main())
