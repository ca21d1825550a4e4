"""How many misconceptions are named, how many wrongly, and what that costs.

    python benchmarks/misconceptions.py [--slips] [--exercise NAME]... [--seed TEXT]

Judges the chaffs that were rewritten in another style (tests/misconceptions) as submissions, in
this process. With `--slips` also the independent slips (tests/solutions/slips), of which only some
repeat a chaff: no other may be named. Costs are processor seconds per wrong answer: judging it, and
naming its misconception for the first time in a run and again (when the chaffs' replies are known).
"""

from __future__ import annotations

import argparse
import os
import time
import warnings
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(variable, "1")

import with_tests  # noqa: F401  isort: skip
import rewritten
from matplotlib import pyplot

from autograder.authoring.course import load_assignment
from autograder.authoring.exercise import Exercise
from autograder.grading.fixtures import Fixtures
from autograder.grading.judge import judge_exercise
from autograder.grading.misconceptions.naming import Misconceptions
from autograder.grading.sessions import LimitedSession, LocalSession

ASSIGNMENTS = ("moe_router_analysis", "moe_routing_in_practice")


@dataclass(slots=True)
class Tally:
    """What came of the wrong answers to one exercise."""

    named: int = 0
    unnamed: list[str] = field(default_factory=list)
    wrongly: list[str] = field(default_factory=list)
    judging: float = 0.0
    naming: float = 0.0
    again: float = 0.0

    @property
    def tried(self) -> int:
        return self.named + len(self.unnamed) + len(self.wrongly)


class Trials:
    """One assignment on the material of one run."""

    def __init__(self, assignment: str, seed: str) -> None:
        self.lab = load_assignment(assignment)
        self._fixtures = Fixtures(assignment, seed)
        self.misconceptions = Misconceptions(self._fixtures)

    def run(self, exercise: Exercise, wrong: Any, tally: Tally) -> None:
        """Judge one wrong answer, name its misconception, and count what came of it."""
        functions = {exercise.name: wrong.function()}
        session = LimitedSession(LocalSession(functions, self._fixtures.bench))
        times = [time.process_time()]
        grade = judge_exercise(exercise, session, self._fixtures)
        times.append(time.process_time())
        for _ in range(2):
            (explained,) = self.misconceptions.explain([exercise], [grade], session)
            times.append(time.process_time())
        tally.judging += times[1] - times[0]
        tally.naming += times[2] - times[1]
        tally.again += times[3] - times[2]
        named = {check.misconception for check in explained.checks} - {None}
        name = named.pop() if named else ""
        if name == wrong.chaff:
            tally.named += 1
        elif name:
            tally.wrongly.append(f"{wrong.name} as {name}")
        else:
            tally.unnamed.append(wrong.name)
        pyplot.close("all")


def trial_of(wrongs: Iterable[Any], trials: dict[str, Trials], only: list[str]) -> dict[str, Tally]:
    """The tallies of all wrong answers, by exercise."""
    tallies: dict[str, Tally] = {}
    for wrong in wrongs:
        if not only or wrong.exercise in only:
            tally = tallies.setdefault(wrong.exercise, Tally())
            one = trials[wrong.assignment]
            one.run(one.lab.exercise(wrong.exercise), wrong, tally)
    return tallies


def show(title: str, tallies: dict[str, Tally]) -> None:
    """Print a table in Markdown."""
    print(f"\n{title}\n\n| exercise | tried | right | unnamed | wrong | judging | naming | again |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
    for name, tally in tallies.items():
        print(row(name, [tally]))
    print(row("**all**", list(tallies.values())))
    for name, tally in tallies.items():
        for kind, answers in (("unnamed", tally.unnamed), ("wrong", tally.wrongly)):
            if answers:
                print(f"\n{name}, {kind}: {', '.join(answers)}")


def row(name: str, tallies: list[Tally]) -> str:
    tried = sum(tally.tried for tally in tallies)
    lists = ("unnamed", "wrongly")
    counts = [sum(t.named for t in tallies)]
    counts += [sum(len(getattr(t, kind)) for t in tallies) for kind in lists]
    seconds = [sum(getattr(t, kind) for t in tallies) for kind in ("judging", "naming", "again")]
    cells = [name, tried, *counts, *(f"{one / max(1, tried):.3f}" for one in seconds)]
    return f"| {' | '.join(map(str, cells))} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--slips", action="store_true")
    parser.add_argument("--exercise", action="append", default=[])
    parser.add_argument("--seed", default="benchmark")
    options = parser.parse_args()
    warnings.simplefilter("ignore")

    trials = {name: Trials(name, options.seed) for name in ASSIGNMENTS}
    chaffs = [wrong for name in ASSIGNMENTS for wrong in rewritten.rewritten(name)]
    show("Chaffs in another style", trial_of(chaffs, trials, options.exercise))
    if options.slips:
        show("Independent slips", trial_of(rewritten.slips(), trials, options.exercise))
    kept = sum(one.misconceptions.remembered_bytes for one in trials.values())
    print(f"\nremembered replies: {kept / 2**20:.1f} MiB")


if __name__ == "__main__":
    main()
