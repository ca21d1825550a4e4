"""Grade the demo's whole class with moelab, with Otter and in Gradescope's folders, and compare.

    python benchmarks/otter_class.py [ASSIGNMENT] [--course PACKAGE] [--jobs N] [--only FILE]...

Gradescope's runs have no namespaces, as in its containers. Prints a Markdown table, one row per
submission, and exits with 1 when a check has another verdict or other points somewhere.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import with_tests
from otter_places import API, Ended, Gradescope, grades_of, known, run, told, with_otter

from autograder.authoring.course import load_assignment
from autograder.demo.samples import samples
from autograder.otter.engine import Order
from autograder.otter.package.contents import package

LIMITS = ("--time-limit", "5", "--total-time", "60", "--seed", "class")  # as in `moelab demo`


def told_at_all(ended: Ended) -> list[Any] | None:
    """What Otter says of every check; None where it gave no results."""
    return told(ended.results) if "RESULTS " in ended.out else None


def main(arguments: list[str] | None = None) -> int:
    """Make the class, grade it in all three ways, print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("assignment", nargs="?", default="moe_routing_in_practice")
    parser.add_argument("--course", default="reference")
    parser.add_argument("--jobs", type=int, default=max(1, (os.cpu_count() or 2) // 2))
    parser.add_argument("--only", action="append", default=[], metavar="FILE")
    options = parser.parse_args(arguments)
    order = Order(assignment=options.assignment, course=options.course, options=LIMITS)
    assignment = load_assignment(order.assignment, order.course)
    with tempfile.TemporaryDirectory(prefix="otter-class-") as name:
        out = Path(name)
        folder = out / "submissions"
        folder.mkdir()
        for sample in samples(assignment):
            if options.only and sample.name not in options.only:
                continue
            (folder / sample.name).write_bytes(sample.data)
        made = out / "autograder.zip"
        made.write_bytes(package(assignment, order))
        grades = grades_of(folder, out, order, cwd=with_tests.ROOT)

        def row(submission: str) -> tuple[str, bool]:
            started = time.monotonic()
            otter = told_at_all(with_otter(folder / submission, made))
            seconds = time.monotonic() - started
            place = Gradescope(out / f"{submission}-gradescope", made)
            place.grade({submission: (folder / submission).read_bytes()})
            left = place.root / "results" / "results.pkl"
            scope = told_at_all(run(*API, left)) if left.is_file() else None
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
