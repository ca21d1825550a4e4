"""Which submissions are graded again, and when a run stops instead of giving points to all.

A verdict that something besides the answers could have brought about does not count: where a
worker ended, a sandbox could not be had, a check broke down, a time limit passed while others had
the processors, or a process was killed or found no room for a thread. Such submissions are put
off, and graded again one by one, on a fresh worker, while no other is graded. What breaks down
once more counts as the grader's error. Where these are more than a few, or most of a run's
submissions could not be judged at all, the run stops and says why.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass
from pathlib import Path

from autograder.grading.attempts import Attempt, AttemptResult, CheckId
from autograder.grading.pool import Slot, WorkerPool
from autograder.processes import ProcessEndedError, StoppedProcesses
from autograder.records import Grade, Outcome
from autograder.sandbox.errors import SandboxError
from autograder.submission.discover import Found

ATTEMPTS = 6  # how often a submission is graded alone after a worker died at its work
STARTS = 30  # how often besides, where the worker ended before any answer was checked
PLACES_TO_BLAME = 3  # different checks at which a submission ended a worker: its answers do that
PUT_OFF = 3  # submissions, before those that were put off are graded
MOST_BROKEN = 5  # grades with errors of the grader in a run, or 1 in 20: more stop it
SHARE_BROKEN = 20
LOOK_SECONDS = 5.0  # how often the watchdog looks

Start = Callable[[Slot, Found, Attempt], Future[AttemptResult]]


class TooManyErrors(SandboxError):  # noqa: N818
    """More than a few grades had errors of the grader; the message says what the last one was."""


@dataclass(slots=True, kw_only=True)
class Case:
    """One submission and what happened to it so far."""

    found: Found
    deaths: tuple[CheckId, ...] = ()
    extras: bool = True
    trouble: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tasks:
    """What a run needs done: `start` an attempt, `give_up` on a submission with an outcome and a
    reason, `require_sandbox` (raises `SandboxError`), `look` after the run's other processes.
    """

    start: Start
    give_up: Callable[[Found, Outcome, str], Grade]
    require_sandbox: Callable[[], None]
    look: Callable[[], None]


class Run:
    """Grades submissions on a pool's workers; `longest` seconds is an attempt's most.

    `folder` is for the journals. `kept` submissions of the class have been graded before.
    """

    def __init__(
        self,
        pool: WorkerPool,
        tasks: Tasks,
        submissions: Iterable[Found],
        folder: Path,
        longest: float,
        *,
        kept: int = 0,
    ) -> None:
        self._pool = pool
        self._tasks = tasks
        self._folder = folder
        self._longest = longest
        self._waiting = deque(Case(found=found) for found in submissions)
        self._total = len(self._waiting) + kept
        self._running: dict[Slot, tuple[Case, Future[AttemptResult], Attempt]] = {}
        self._put_off: list[Case] = []
        self._broken: list[Grade] = []
        self._unjudged = 0
        self._watch = Watchdog(tasks.look, longest)

    def grades(self) -> Iterator[Grade]:
        """Each submission's grade once, as soon as it is known; errors of the grader at the end."""
        while self._waiting or self._running:
            while self._waiting and len(self._put_off) <= PUT_OFF and self._free():
                self._begin(self._free()[0], self._waiting.popleft())
            if not self._running:
                yield from self._graded_alone()
                continue
            for slot in self._ended():
                grade = self._first_result(slot, *self._running.pop(slot))
                if grade is not None:
                    yield grade
        yield from self._graded_alone()
        yield from self._broken

    def _free(self) -> list[Slot]:
        return [slot for slot in self._pool.slots if slot not in self._running]

    def _begin(self, slot: Slot, case: Case, *, alone: bool = False) -> None:
        journal = self._folder / f"journal-{slot.number}"
        journal.write_bytes(b"")
        attempt = Attempt(journal=str(journal), deaths=case.deaths, extras=case.extras, alone=alone)
        self._running[slot] = (case, self._tasks.start(slot, case.found, attempt), attempt)
        self._watch.begin(slot)

    def _ended(self) -> list[Slot]:
        """The slots whose attempts have ended, at least one."""
        while True:
            futures = [future for _, future, _ in self._running.values()]
            wait(futures, timeout=LOOK_SECONDS, return_when=FIRST_COMPLETED)
            ended = [slot for slot, (_, future, _) in self._running.items() if future.done()]
            if ended:
                return ended
            self._watch.look()

    def _first_result(
        self, slot: Slot, case: Case, future: Future[AttemptResult], attempt: Attempt
    ) -> Grade | None:
        """The grade, or None where the submission is to be graded again alone."""
        result = self._result(slot, case, future, attempt)
        if result is not None and not result.broken and not result.doubtful:
            return result.grade
        if result is not None and result.broken:
            slot.renew()
        self._put_off.append(case)
        return None

    def _result(
        self, slot: Slot, case: Case, future: Future[AttemptResult], attempt: Attempt
    ) -> AttemptResult | None:
        """An attempt's result; None where the worker ended or had no sandbox: it is a new one."""
        try:
            return future.result()
        except ProcessEndedError:
            check_id = attempt.ended_at()
            case.deaths += () if check_id is None else (check_id,)
            case.extras = case.extras and not attempt.ended_at_extras()
            case.trouble = ""
        except SandboxError as error:
            case.trouble = str(error)
        slot.renew()
        return None

    def _graded_alone(self) -> Iterator[Grade]:
        """The grades of what was put off; raises `TooManyErrors`."""
        while self._put_off:
            result = self._alone(self._put_off.pop())
            if not result.broken:
                yield result.grade
                continue
            self._broken.append(result.grade)
            self._unjudged += not result.judged or (self._total > 1 and _all_broken(result.grade))
            if self._too_many():
                raise TooManyErrors(
                    f"{len(self._broken)} of {self._total} submissions met errors of the grader, "
                    "so the run has stopped instead of giving them points. The last one was: "
                    f"{result.broken}. What is graded already is kept; mend this and start again"
                )

    def _too_many(self) -> bool:
        """Whether errors of the grader are no exceptions any more.

        That is so in a class of any size where most submissions could not be judged at all: nothing
        shows then that the grader works, and a blank one would get full points.
        """
        few = max(MOST_BROKEN, self._total // SHARE_BROKEN)
        return len(self._broken) > few or 2 * self._unjudged > self._total

    def _alone(self, case: Case) -> AttemptResult:
        """What came of a submission that was graded while no other was."""
        slot = self._pool.slots[0]
        number = starts = 0
        while number < ATTEMPTS and starts < STARTS:
            self._begin(slot, case, alone=True)
            self._ended()
            _, future, attempt = self._running.pop(slot)
            result = self._result(slot, case, future, attempt)
            if result is not None:
                if result.broken:
                    slot.renew()
                return result
            begun = case.trouble or attempt.ended_at() or attempt.ended_at_extras()
            if case.trouble:
                time.sleep(number)
            number, starts = (number + 1, starts) if begun else (number, starts + 1)
        if case.trouble:
            self._tasks.require_sandbox()
            outcome, reason = Outcome.GRADER_ERROR, case.trouble
        else:
            outcome, reason = given_up(case.deaths)
        grade = self._tasks.give_up(case.found, outcome, reason)
        return AttemptResult(grade=grade, doubtful=False, judged=False)


class Watchdog:
    """Ends workers that hang: stopped ones, and those at work for longer than any can be.

    `look_further` is asked to look after the run's other processes.
    """

    def __init__(self, look_further: Callable[[], None], longest: float) -> None:
        self._look_further = look_further
        self._longest = longest
        self._since: dict[Slot, float] = {}
        self._stopped = StoppedProcesses()

    def begin(self, slot: Slot) -> None:
        """Hear that a worker begins with a submission."""
        self._since[slot] = time.monotonic()

    def look(self) -> None:
        """End what hangs; its task ends as if the worker had died."""
        now = time.monotonic()
        for slot, since in self._since.items():
            hangs = any(self._stopped.hangs(pid) for pid in slot.pids)
            if hangs or now - since > self._longest:
                slot.kill()
        self._look_further()


def _all_broken(grade: Grade) -> bool:
    """Whether every check of a submission ended with an error of the grader."""
    checks = (check for exercise in grade.exercises for check in exercise.checks)
    return all(check.outcome is Outcome.GRADER_ERROR for check in checks)


def given_up(deaths: tuple[CheckId, ...]) -> tuple[Outcome, str]:
    """The outcome of a submission at whose work the grader's process died in every attempt.

    Where it died at another check each time, always with this submission's answers, these are at
    fault: the grader's own failures cost no points, so answers that cause them would earn all.
    """
    reason = "the grader's process ended every time it graded this submission"
    if len(set(deaths)) >= PLACES_TO_BLAME:
        return Outcome.DIED, f"{reason}, at {len(set(deaths))} different checks"
    return Outcome.GRADER_ERROR, reason
