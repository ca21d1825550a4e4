"""Grading many submissions at once, on this machine's processes.

The calling process imports neither torch nor an assignment. A server imports torch once, and
workers are forked from it, one for each slot of a pool. Results come as soon as they are known;
`retries` says what is graded again.
"""

from __future__ import annotations

import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path

from autograder.authoring.course import assignment_names
from autograder.courses import packages_of
from autograder.grading.attempts import (
    Attempt,
    AttemptResult,
    assignment_task,
    functions_task,
    grade_task,
    isolation_task,
    revision_task,
    told_task,
    ungraded_task,
)
from autograder.grading.cpu_budget import TOTAL_SECONDS
from autograder.grading.pool import Slot, WorkerPool, dealt
from autograder.grading.retries import Run, Tasks
from autograder.grading.settings import Settings
from autograder.models.choice import ModelChoice
from autograder.records import Grade, Outcome
from autograder.sandbox.cgroups import why_not
from autograder.sandbox.clock import MOST_TIMES
from autograder.sandbox.forkserver import SANDBOXES
from autograder.sandbox.limits import LEVELS
from autograder.seeds import bench_seed_of
from autograder.serving.servers import ModelServers
from autograder.submission.discover import Found

VOTES = 15  # how many submissions are asked which assignment they are
STARTING_SECONDS = 1800.0  # that a worker may need before a submission, and two attempts in one


class Grading:
    """A pool of workers for one run; use it as a context manager.

    `models` are full-scale models, of which there are as many copies as fit on the GPUs of the
    settings' places. `fewer` says why fewer than `jobs` submissions are graded at once, `unbounded`
    why the kernel does not bound the memory of all sandboxes; both are empty otherwise. Raises
    `SandboxError` at the first task where submissions cannot be isolated, `ModelError` where a
    model cannot be had.
    """

    def __init__(self, settings: Settings, jobs: int, models: tuple[ModelChoice, ...] = ()) -> None:
        self.unbounded = why_not() if sys.platform == "linux" else ""  # before a process is started
        SANDBOXES.packages = packages_of(settings.course)
        self._models = models
        self._servers: ModelServers | None = None
        self._settings = self._hosted(settings)
        self._jobs, self.fewer = self._at_once(max(1, jobs))
        self._pool = WorkerPool(self._jobs)
        capacities = [placement.jobs for placement in self._settings.placements] or [1]
        self._placements = dealt(capacities, self._jobs)

    def __enter__(self) -> Grading:
        return self

    def __exit__(self, *exception: object) -> None:
        self._pool.close()
        if self._servers is not None:
            self._servers.close()

    @property
    def jobs(self) -> int:
        """How many submissions are graded at once."""
        return self._jobs

    @property
    def copies(self) -> int:
        """How many copies of the full-scale models there are."""
        return len(self._settings.placements)

    @property
    def seed(self) -> str:
        """The seed of all random inputs."""
        return self._settings.seed

    def use_seed(self, seed: str) -> None:
        """Grade with this seed from now on; a worker that has a sandbox makes a new one."""
        if self._servers is not None and seed != self.seed:
            self._servers.close()
        self._settings = self._hosted(replace(self._settings, seed=seed))

    def _hosted(self, settings: Settings) -> Settings:
        """The settings with owners of the models at each place, planted from this seed."""
        if not settings.placements or (self._servers is not None and settings.seed == self.seed):
            return settings
        seed = bench_seed_of(settings.seed)
        self._servers = ModelServers(settings.placements, self._models, seed, settings.course)
        return replace(settings, placements=self._servers.placements)

    def _at_once(self, jobs: int) -> tuple[int, str]:
        most = self._servers.jobs if self._servers is not None else 0
        if not most or most >= jobs:
            return jobs, ""
        return most, f"{most} at once instead of {jobs}: for more there is too little GPU memory"

    @property
    def isolation(self) -> str:
        """The lowest level that a worker reached; asking starts all workers at the same time."""
        settings = [(self._settings_of(slot),) for slot in self._pool.slots]
        levels: list[str] = self._pool.ask_all(isolation_task, settings)
        return max(levels, key=LEVELS.index)

    def revision(self, assignment: str) -> str:
        """The revision of an assignment; raises `CourseError` where it cannot be loaded."""
        return str(self._pool.ask(revision_task, self._settings_of(), assignment))

    def functions(self, assignment: str) -> tuple[str, ...]:
        """The functions that an assignment asks for."""
        names: tuple[str, ...] = self._pool.ask(functions_task, self._settings_of(), assignment)
        return names

    def told(self, assignment: str) -> tuple[str, dict[tuple[str, str], str]]:
        """The title of an assignment, and the new names of what was renamed in it."""
        found: tuple[str, dict[tuple[str, str], str]] = self._pool.ask(
            told_task, self._settings_of(), assignment
        )
        return found

    def detect_assignment(self, submissions: Iterable[Found]) -> str:
        """The assignment of the course that most submissions name, of the first few that name one.

        No single submission can decide for a class. Where none names any, it is the only assignment
        of the course, or "" if there are several.
        """
        votes: Counter[str] = Counter()
        known = assignment_names(self._settings.course)
        for found in submissions:
            if not found.problem:
                name = str(self._pool.ask(assignment_task, self._settings_of(), found))
                votes[name] += name in known
                if votes.total() >= VOTES:
                    break
        (name, count), *_ = votes.most_common(1) or [("", 0)]
        if count:
            return name
        return known[0] if len(known) == 1 and not any(votes) else ""

    def run(
        self, assignment: str, submissions: Iterable[Found], *, kept: int = 0
    ) -> Iterator[Grade]:
        """Grade submissions, yielding each grade when it is done, in no particular order.

        `kept` further ones of the class have been graded before. Raises `SandboxError` where more
        than a few, or most of the class, could not be graded through the grader's fault.
        """

        def start(slot: Slot, found: Found, attempt: Attempt) -> Future[AttemptResult]:
            return slot.submit(grade_task, self._settings_of(slot), assignment, found, attempt)

        def give_up(found: Found, outcome: Outcome, reason: str) -> Grade:
            given = (self._settings_of(), assignment, found, outcome, reason)
            grade: Grade = self._pool.ask(ungraded_task, *given)
            return grade

        tasks = Tasks(
            start=start,
            give_up=give_up,
            require_sandbox=lambda: self._pool.ask(isolation_task, self._settings_of()),
            look=self._servers.look if self._servers is not None else lambda: None,
        )
        longest = 2 * (MOST_TIMES * self._settings.limits.total + 2 * TOTAL_SECONDS)
        with tempfile.TemporaryDirectory(prefix="moelab-") as folder:
            longest += STARTING_SECONDS
            run = Run(self._pool, tasks, submissions, Path(folder), longest, kept=kept)
            yield from run.grades()

    def _settings_of(self, slot: Slot | None = None) -> Settings:
        """The settings of a slot's worker, the first one's if there is none."""
        number = 0 if slot is None else slot.number
        return replace(self._settings, placement=self._placements[number])
