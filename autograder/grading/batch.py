"""Grading many submissions at once, on this machine's processes.

The calling process imports neither torch nor an assignment. A server imports torch once, and
workers are forked from it. Results come as soon as they are known; a worker that dies is replaced,
and what was at work is tried again, alone.
"""

from __future__ import annotations

import signal
import sys
import tempfile
from collections import Counter, deque
from collections.abc import Iterable, Iterator
from concurrent.futures import (
    FIRST_COMPLETED,
    Future,
    ProcessPoolExecutor,
    wait,
)
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace
from functools import partial
from pathlib import Path

from autograder.grading.course import assignment_names
from autograder.grading.hosting import Hosts
from autograder.grading.processes import server_context
from autograder.grading.seeds import bench_seed_of
from autograder.grading.tasks import (
    Settings,
    assignment_task,
    functions_task,
    grade_task,
    isolation_task,
    revision_task,
    ungraded_task,
)
from autograder.grading.trial import Place, Trial
from autograder.models.choice import ModelChoice
from autograder.records import Grade, Outcome
from autograder.sandbox.cgroups import remove_groups_of, why_not
from autograder.sandbox.limits import LEVELS
from autograder.submission.discover import Found

ATTEMPTS = 3  # how often a submission is graded alone after a worker died at its work
VOTES = 15  # how many submissions are asked which assignment they are
SECONDS_TO_END = 5.0  # for a worker that was killed


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
        self._models = models
        self._hosts: Hosts | None = None
        self._settings = self._hosted(settings)
        self._jobs, self.fewer = self._at_once(max(1, jobs))
        self._pool = self._new_pool()

    def __enter__(self) -> Grading:
        return self

    def __exit__(self, *exception: object) -> None:
        processes = list((self._pool._processes or {}).values())
        self._pool.shutdown(wait=exception == (None, None, None), cancel_futures=True)
        for process in processes:
            process.kill()
            process.join(SECONDS_TO_END)
        if self._hosts is not None:
            self._hosts.close()
        if sys.platform == "linux":
            remove_groups_of(process.pid for process in processes if process.pid)

    @property
    def jobs(self) -> int:
        """How many submissions are graded at once."""
        return self._jobs

    @property
    def copies(self) -> int:
        """How many copies of the full-scale models there are."""
        return len(self._settings.places)

    @property
    def seed(self) -> str:
        """The seed of all random inputs."""
        return self._settings.seed

    def use_seed(self, seed: str) -> None:
        """Grade with this seed from now on; a worker that has a sandbox makes a new one."""
        if self._hosts is not None and seed != self.seed:
            self._hosts.close()
        self._settings = self._hosted(replace(self._settings, seed=seed))

    def _hosted(self, settings: Settings) -> Settings:
        """The settings with owners of the models at each place, planted from this seed."""
        if not settings.places or (self._hosts is not None and settings.seed == self.seed):
            return settings
        seed = bench_seed_of(settings.seed)
        self._hosts = Hosts(settings.places, self._models, seed, settings.course)
        return replace(settings, places=self._hosts.places)

    def _at_once(self, jobs: int) -> tuple[int, str]:
        most = self._hosts.jobs if self._hosts is not None else 0
        if not most or most >= jobs:
            return jobs, ""
        return most, f"{most} at once instead of {jobs}: for more there is too little GPU memory"

    @property
    def isolation(self) -> str:
        """The lowest level that a worker reached; asking starts all workers at the same time."""
        ready = [self._pool.submit(isolation_task, self._settings) for _ in range(self._jobs)]
        return max((future.result() for future in ready), key=LEVELS.index)

    def revision(self, assignment: str) -> str:
        """The revision of an assignment; raises `CourseError` where it cannot be loaded."""
        return self._pool.submit(revision_task, self._settings, assignment).result()

    def functions(self, assignment: str) -> tuple[str, ...]:
        """The functions that an assignment asks for."""
        return self._pool.submit(functions_task, self._settings, assignment).result()

    def detect_assignment(self, submissions: Iterable[Found]) -> str:
        """The assignment of the course that most submissions name, of the first few that name one.

        No single submission can decide for a class. "" where none names any.
        """
        votes: Counter[str] = Counter()
        known = assignment_names(self._settings.course)
        for found in submissions:
            if not found.problem:
                name = self._pool.submit(assignment_task, self._settings, found).result()
                votes[name] += name in known
                if votes.total() >= VOTES:
                    break
        (name, count), *_ = votes.most_common(1) or [("", 0)]
        return name if count else ""

    def run(self, assignment: str, submissions: Iterable[Found]) -> Iterator[Grade]:
        """Grade submissions, yielding each grade when it is done, in no particular order."""
        waiting = deque(submissions)
        running: dict[Future[Grade], Found] = {}
        while waiting or running:
            try:
                while waiting and len(running) < self._jobs:
                    found = waiting[0]
                    future = self._pool.submit(grade_task, self._settings, assignment, found)
                    running[future] = waiting.popleft()
                done, _ = wait(running, return_when=FIRST_COMPLETED)
                for future in done:
                    grade = future.result()
                    del running[future]
                    yield grade
            except BrokenProcessPool:
                suspects = list(running.values())
                running.clear()
                self._renew_pool()
                for found in suspects:
                    yield self._grade_alone(assignment, found)

    def _grade_alone(self, assignment: str, found: Found) -> Grade:
        """Grade a submission that was at work when a worker died, while no other is.

        Nobody else is hurt when it dies again, and the check is known at which it does.
        """
        deaths: tuple[Place, ...] = ()
        with tempfile.TemporaryDirectory(prefix="moelab-") as folder:
            journal = Path(folder) / "journal"
            for _ in range(ATTEMPTS):
                journal.touch()
                trial = Trial(journal=str(journal), deaths=deaths)
                try:
                    future = self._pool.submit(grade_task, self._settings, assignment, found, trial)
                    return future.result()
                except BrokenProcessPool:
                    self._renew_pool()
                place = trial.ended_at()
                deaths += () if place is None else (place,)
        outcome, reason = given_up(deaths)
        task = partial(ungraded_task, self._settings, assignment, found, outcome, reason)
        return self._pool.submit(task).result()

    def _renew_pool(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)
        self._pool = self._new_pool()

    def _new_pool(self) -> ProcessPoolExecutor:
        return ProcessPoolExecutor(
            self._jobs, mp_context=server_context(), initializer=_start_worker
        )


def given_up(deaths: tuple[Place, ...]) -> tuple[Outcome, str]:
    """The outcome of a submission at whose work the grader's process died in every attempt.

    Where it died at another check each time, always with this submission's answers, these are at
    fault: the grader's own failures cost no points, so answers that cause them would earn all.
    """
    reason = "the grader's process ended every time it graded this submission"
    if len(set(deaths)) == ATTEMPTS:
        return Outcome.DIED, f"{reason}, at {ATTEMPTS} different checks"
    return Outcome.GRADER_ERROR, reason


def _start_worker() -> None:
    """In a new worker: leave Ctrl-C to the parent, and end with it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if sys.platform == "linux":
        from autograder.inside import kernel

        kernel.die_with_parent()
