"""Grading many submissions at once, on this machine's processes.

The calling process imports neither torch nor the course: workers do, once each. Results come as
soon as they are known; a worker that dies is replaced, and what it was working on is tried again.
"""

from __future__ import annotations

import signal
import sys
from collections import Counter, deque
from collections.abc import Iterable, Iterator
from concurrent.futures import (
    FIRST_COMPLETED,
    Future,
    ProcessPoolExecutor,
    wait,
)
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from typing import Any

from autograder.grading.tasks import (
    Settings,
    assignment_task,
    grade_task,
    isolation_task,
    revision_task,
    ungraded_task,
)
from autograder.records import Grade
from autograder.sandbox.cgroups import why_not
from autograder.sandbox.limits import LEVELS
from autograder.submission.discover import Found

ATTEMPTS = 2  # how often a submission may be at work when a worker dies


class Grading:
    """A pool of workers for one run; use it as a context manager.

    `unbounded` says why the kernel does not bound the memory of all sandboxes; empty if it does.
    Raises `SandboxError` at the first task where submissions cannot be isolated.
    """

    def __init__(self, settings: Settings, jobs: int) -> None:
        self._settings = settings
        self._jobs = max(1, jobs)
        self.unbounded = why_not() if sys.platform == "linux" else ""
        self._pool = self._new_pool()

    def __enter__(self) -> Grading:
        return self

    def __exit__(self, *exception: object) -> None:
        processes = list((self._pool._processes or {}).values())
        self._pool.shutdown(wait=exception == (None, None, None), cancel_futures=True)
        for process in processes:
            process.kill()

    @property
    def isolation(self) -> str:
        """The lowest level that a worker reached; asking starts all workers at the same time."""
        ready = [self._pool.submit(isolation_task, self._settings) for _ in range(self._jobs)]
        return max((future.result() for future in ready), key=LEVELS.index)

    def revision(self, assignment: str) -> str:
        """The revision of an assignment; raises `CourseError` where it cannot be loaded."""
        return self._pool.submit(revision_task, self._settings, assignment).result()

    def detect_assignment(self, submissions: Iterable[Found]) -> str:
        """The assignment that the first submission to name one names; "" where none does."""
        for found in submissions:
            if not found.problem:
                name = self._pool.submit(assignment_task, self._settings, found).result()
                if name:
                    return name
        return ""

    def run(self, assignment: str, submissions: Iterable[Found]) -> Iterator[Grade]:
        """Grade submissions, yielding each grade when it is done, in no particular order."""
        waiting = deque(submissions)
        strikes: Counter[str] = Counter()
        running: dict[Future[Grade], Found] = {}
        while waiting or running:
            try:
                while waiting and len(running) < self._jobs:
                    found = waiting[0]
                    running[self._submit(assignment, found, strikes[found.name])] = found
                    waiting.popleft()
                done, _ = wait(running, return_when=FIRST_COMPLETED)
                for future in done:
                    grade = future.result()
                    del running[future]
                    yield grade
            except BrokenProcessPool:
                strikes.update(found.name for found in running.values())
                waiting.extendleft(running.values())
                running.clear()
                self._pool.shutdown(wait=False, cancel_futures=True)
                self._pool = self._new_pool()

    def _submit(self, assignment: str, found: Found, strikes: int) -> Future[Grade]:
        if strikes < ATTEMPTS:
            return self._pool.submit(grade_task, self._settings, assignment, found)
        reason = "the grader's process ended twice while it graded this submission"
        return self._pool.submit(ungraded_task, self._settings, assignment, found, reason)

    def _new_pool(self) -> ProcessPoolExecutor:
        context: Any = get_context("spawn")
        return ProcessPoolExecutor(self._jobs, mp_context=context, initializer=_start_worker)


def _start_worker() -> None:
    """In a new worker: leave Ctrl-C to the parent, and end with it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if sys.platform == "linux":
        from autograder.inside import kernel

        kernel.die_with_parent()
