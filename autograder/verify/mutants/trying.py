"""Trying mutants: each in a process of its own, until a check fails or all have passed.

The process that prepares an exercise (its models made, the reference judged once) forks one child
for each mutant: it may loop for ever, eat memory, change torch's settings or end Python, and only
its own child suffers. The child's processor time and memory are limited by the system; a child that
sleeps is ended by the clock. Whatever does not come to an end is killed: students would lose that
check.
"""

from __future__ import annotations

import json
import os
import resource
import selectors
import signal
import sys
import time
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import matplotlib

from autograder.authoring.exercise import Exercise
from autograder.grading.sessions import one_thread
from autograder.records import CheckResult, Outcome
from autograder.verify.mutants.making import Mutant, Original
from autograder.verify.stage import Stage

MEMORY = 4 * 2**30  # bytes that a child may use beyond what it was born with
SHORTEST = 10.0  # seconds of processor time that any mutant gets
TIMES_REFERENCE = 2.0  # and as much as the reference took, this many times
SLEEPING = 4.0  # a child may take this many times its limit on the clock


@dataclass(frozen=True, slots=True)
class Fate:
    """What came of a mutant: the check that it fails, and how; no check where it survived."""

    check: str = ""
    outcome: str = ""

    @property
    def killed(self) -> bool:
        return bool(self.check)


class NotReady(Exception):  # noqa: N818 - a fact about the course
    """The reference itself does not pass, so that no mutant can be judged."""


def try_mutants(
    stage: Stage,
    original: Original,
    mutants: Iterable[Mutant],
    *,
    jobs: int,
    shortest: float = SHORTEST,
) -> Iterator[tuple[Mutant, Fate]]:
    """The fate of each mutant, as they come; up to `jobs` are tried at once.

    Each gets `shortest` seconds of processor time, and twice what the reference took.

    Raises `NotReady` where the reference fails a check, and `OSError` where no process can be
    started.
    """
    waiting = list(mutants)
    if not waiting:
        return
    matplotlib.use("Agg")
    with (
        one_thread(),
        warnings.catch_warnings(action="ignore"),
        selectors.DefaultSelector() as bell,
    ):
        limit = shortest + TIMES_REFERENCE * _prepare(stage, original.exercise)
        running: dict[int, _Child] = {}
        try:
            while waiting or running:
                while waiting and len(running) < jobs:
                    child = _Child.start(stage, original, waiting.pop(0), limit)
                    running[child.pipe] = child
                    bell.register(child.pipe, selectors.EVENT_READ)
                ready = {key.fd for key, _ in bell.select(timeout=0.5)}
                late = {pipe for pipe, child in running.items() if time.monotonic() > child.ends}
                for pipe in ready | late:
                    bell.unregister(pipe)
                    child = running.pop(pipe)
                    yield child.mutant, child.end()
        finally:
            for child in running.values():
                child.end()


def _prepare(stage: Stage, exercise: Exercise) -> float:
    """Make what the checks need and judge the reference; the seconds that took."""
    started = time.process_time()
    fate = _fate(stage, exercise, exercise.solution_function)
    if fate.killed:
        raise NotReady(
            f"{exercise.name}: the reference does not pass check {fate.check!r} ({fate.outcome}). "
            "Repair it with `moelab verify`, then try mutants"
        )
    return time.process_time() - started


class _Killed(BaseException):
    """A check failed: the others need not run."""


def _fate(stage: Stage, exercise: Exercise, function: Any) -> Fate:
    last: list[CheckResult] = []

    def watch(result: CheckResult) -> None:
        last.append(result)
        if result.outcome is not Outcome.PASSED:
            raise _Killed

    try:
        stage.judge(exercise, function, watch)
    except _Killed:
        return Fate(last[-1].name, str(last[-1].outcome))
    return Fate()


@dataclass(frozen=True, slots=True)
class _Child:
    """A process that tries one mutant; what it writes into the pipe before it ends is the fate."""

    process: int
    pipe: int
    mutant: Mutant
    ends: float

    @classmethod
    def start(cls, stage: Stage, original: Original, mutant: Mutant, limit: float) -> _Child:
        ours, theirs = os.pipe()
        process = os.fork()
        if process == 0:
            os.close(ours)
            _live(stage, original, mutant, limit, theirs)
        os.close(theirs)
        return cls(process, ours, mutant, time.monotonic() + SLEEPING * limit)

    def end(self) -> Fate:
        """Take what the child has written, and see that it is gone."""
        os.set_blocking(self.pipe, False)
        try:
            told = os.read(self.pipe, 65536)
        except BlockingIOError:
            told = b""
        os.close(self.pipe)
        for kill in (os.kill, os.killpg):  # before or after it has a group of its own
            try:
                kill(self.process, signal.SIGKILL)
            except (ProcessLookupError, PermissionError):
                continue
        os.waitpid(self.process, 0)
        return Fate(**json.loads(told)) if told else Fate("(its process)", "died")


def _live(stage: Stage, original: Original, mutant: Mutant, limit: float, pipe: int) -> NoReturn:
    """The life of a child: it never returns to its parent's code."""
    fate = Fate("(its definition)", "error")
    try:
        if sys.platform == "linux":
            from autograder import linux

            linux.die_with_parent()
        os.setsid()
        nowhere = os.open(os.devnull, os.O_RDWR)
        for stream in range(3):
            os.dup2(nowhere, stream)
        _limit(limit)
        fate = _fate(stage, original.exercise, original.function(mutant.text))
    except BaseException as error:
        fate = Fate("(its definition)", type(error).__name__)
    finally:
        os.write(pipe, json.dumps({"check": fate.check, "outcome": fate.outcome}).encode())
        os._exit(0)


def _limit(seconds: float) -> None:
    spent = resource.getrusage(resource.RUSAGE_SELF)
    ends = int(spent.ru_utime + spent.ru_stime + seconds) + 1
    resource.setrlimit(resource.RLIMIT_CPU, (ends, ends + 1))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    statm = Path("/proc/self/statm")
    if statm.exists():  # elsewhere nobody tells how large a process is
        size = int(statm.read_text().split()[0]) * resource.getpagesize() + MEMORY
        resource.setrlimit(resource.RLIMIT_AS, (size, size))
