"""`moelab verify --mutants`: whether the checks see every small mistake in the references."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from autograder.cli.common import CannotStart, told

if TYPE_CHECKING:
    from autograder.authoring.assignment import Assignment
    from autograder.cli.progress import Progress
    from autograder.verify.mutants.keeping import Kept
    from autograder.verify.mutants.making import Mutant, Original
    from autograder.verify.mutants.telling import Tally
    from autograder.verify.mutants.trying import Fate


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the options ask for; `jobs` mutants are tried at once."""

    root: Path
    jobs: int
    cache: Path | None
    json: Path | None
    table: Path | None


def try_all(chosen: Sequence[tuple[Assignment, Sequence[str]]], wanted: Wanted) -> int:
    """Try the mutants of the exercises named, or of all where none is; the exit status."""
    if not hasattr(os, "fork"):
        raise CannotStart("Mutants are tried in forked processes, which this system does not have.")
    os.environ["CUDA_VISIBLE_DEVICES"] = ""  # torch's own threads for a GPU do not survive a fork
    from autograder.cli.progress import Progress
    from autograder.edition.errors import BuildError
    from autograder.verify.mutants.making import MutantsMissing, Original, mutants_of
    from autograder.verify.mutants.trying import NotReady

    run = _Run(wanted)
    with told(MutantsMissing, BuildError, NotReady, OSError), Progress() as progress:
        made = []
        for assignment, names in chosen:
            for exercise in assignment.exercises:
                if not names or exercise.name in names:
                    progress.say(f"making the mutants of {exercise.name}")
                    original = Original.of(exercise)
                    made.append((assignment, original, list(mutants_of(original))))
        try:
            run.through(made, progress)
        finally:
            run.write()
    return run.told()


class _Run:
    """One run: the results so far, also when it is interrupted."""

    def __init__(self, wanted: Wanted) -> None:
        self._wanted = wanted
        self._tallies: list[Tally] = []

    def through(
        self, made: Sequence[tuple[Assignment, Original, list[Mutant]]], progress: Progress
    ) -> None:
        """Try what no earlier run of the same revision has tried."""
        from autograder.grading.revision import course_revision
        from autograder.verify.mutants.keeping import Kept, usual_place
        from autograder.verify.stage import Stage
        from autograder.verify.trying import FIRST_SEED

        cache = self._wanted.cache or usual_place()
        assignments = {assignment.name: assignment for assignment, _, _ in made}
        kept = {name: Kept(cache, course_revision(a)) for name, a in assignments.items()}
        stages = {name: Stage(name, FIRST_SEED, a.packages) for name, a in assignments.items()}
        total = sum(len(mutants) for _, _, mutants in made)
        new = sum(
            kept[assignment.name].fate(mutant) is None
            for assignment, _, mutants in made
            for mutant in mutants
        )
        progress.tell(
            f"{total} mutants of {len(made)} exercises, {total - new} of them tried in an earlier "
            f"run (kept in {cache})"
        )
        progress.expect(new)
        pace = _Pace(new)
        for assignment, original, mutants in made:
            name = assignment.name
            self._one(stages[name], kept[name], original, mutants, progress, pace)

    def _one(
        self,
        stage: object,
        kept: Kept,
        original: Original,
        mutants: list[Mutant],
        progress: Progress,
        pace: _Pace,
    ) -> None:
        from autograder.verify.mutants.telling import Tally
        from autograder.verify.mutants.trying import try_mutants
        from autograder.verify.stage import Stage

        assert isinstance(stage, Stage)
        fates: dict[Mutant, Fate] = {}
        for mutant in mutants:
            earlier = kept.fate(mutant)
            if earlier is not None:
                fates[mutant] = earlier
        new = [mutant for mutant in mutants if mutant not in fates]
        progress.say(f"{original.exercise.name}: {len(new)} mutants")
        try:
            for mutant, fate in try_mutants(stage, original, new, jobs=self._wanted.jobs):
                kept.keep(mutant, fate)
                fates[mutant] = fate
                alive = sum(not one.killed for one in fates.values())
                progress.advance(f"{original.exercise.name}, {alive} alive; {pace.step()}")
        finally:
            tried = tuple((mutant, fates[mutant]) for mutant in mutants if mutant in fates)
            self._tallies.append(Tally(original, tried, left=len(mutants) - len(tried)))

    def write(self) -> None:
        """Write the files that were asked for."""
        from autograder.verify.mutants.telling import as_data, table

        wanted = self._wanted
        if wanted.json is not None:
            data = json.dumps(as_data(self._tallies, wanted.root), indent=1, ensure_ascii=False)
            wanted.json.write_text(data + "\n", encoding="utf-8")
        if wanted.table is not None:
            wanted.table.write_text(table(self._tallies), encoding="utf-8")

    def told(self) -> int:
        """Print the table and what to repair; the exit status."""
        from autograder.verify.mutants.telling import findings, table

        click.echo(table(self._tallies))
        for tally in self._tallies:
            for finding in findings(tally, self._wanted.root):
                click.echo(finding)
        return 0 if all(tally.ok for tally in self._tallies) else 1


class _Pace:
    """How fast mutants are tried, in words."""

    def __init__(self, total: int) -> None:
        self._total, self._done, self._started = total, 0, time.monotonic()

    def step(self) -> str:
        self._done += 1
        rate = self._done / max(time.monotonic() - self._started, 0.001)
        rest = (self._total - self._done) / rate
        return f"{rate:.1f} per second, {rest / 60:.0f} min left"
