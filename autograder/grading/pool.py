"""The grader's worker processes: one for each slot.

A process that ends breaks its own slot alone, so that a death names what was at work there, and the
neighbours go on. A slot that is renewed gets a new process, with a new sandbox.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from typing import Any

from autograder.processes import Process, ProcessEndedError
from autograder.sandbox.cgroups import remove_groups_of
from autograder.sandbox.errors import SandboxError, ShortageError, require_linux

ATTEMPTS_TO_ASK = 10  # in half a minute: to start a worker, or a task that is no submission's
SECONDS_TO_ASK = 600.0  # instead, where workers have worked before: something ends them meanwhile


class Slot:
    """A place for one worker process, which starts with its first task."""

    def __init__(self, number: int) -> None:
        self.number = number
        self._proven = False  # whether a worker here has brought a task to its end
        self._process: Process | None = None

    def submit(self, function: Callable[..., Any], *arguments: Any) -> Future[Any]:
        """Start a task. `SandboxError` where no process can be had for the worker."""
        require_linux()
        asked = self.attempts()
        why: SandboxError = _ends()
        for attempt in asked:
            try:
                future = self._worker().submit(function, *arguments)
            except SandboxError as error:
                why, asked.short = error, isinstance(error, ShortageError)
                self.renew()
                time.sleep(min(attempt, 4))
            else:
                future.add_done_callback(self._hear)
                return future
        raise why

    def attempts(self) -> _Attempts:
        """How often to start something here: longer where workers have started before."""
        return _Attempts(patient=self._proven)

    def renew(self) -> None:
        """End the worker and whatever it is doing; the next task gets a new one."""
        self.close()

    @property
    def pids(self) -> tuple[int, ...]:
        """The worker's process, if it has been started."""
        return () if self._process is None else (self._process.pid,)

    def kill(self) -> None:
        """End the worker's process; its task ends with `ProcessEndedError`."""
        if self._process is not None:
            self._process.kill()

    def close(self) -> None:
        """End the worker, wait for it, and remove what its sandboxes left."""
        process, self._process = self._process, None
        if process is not None:
            process.close()
            remove_groups_of([process.pid])

    def _worker(self) -> Process:
        if self._process is not None and self._process.has_ended:
            self.close()
        self._process = self._process or Process()
        return self._process

    def _hear(self, future: Future[Any]) -> None:
        if not future.cancelled() and not isinstance(future.exception(), ProcessEndedError):
            self._proven = True


class _Attempts(Iterator[int]):
    """The numbers of attempts: so many, or where `patient` for so long, unless there is `short`age.

    What starts for the first time may never start here. What has started before was ended by
    something else, which may strike again, but starting takes only seconds.
    """

    def __init__(self, *, patient: bool) -> None:
        self.short = False
        self._patient = patient
        self._until = time.monotonic() + SECONDS_TO_ASK
        self._number = -1

    def __next__(self) -> int:
        self._number += 1
        patient = self._patient and not self.short and time.monotonic() < self._until
        if self._number >= ATTEMPTS_TO_ASK and not patient:
            raise StopIteration
        return self._number


def _ends() -> ShortageError:
    return ShortageError(
        "the grader's own processes end as soon as they start: the machine may be full (end "
        "others, or use fewer --jobs), or something ends them"
    )


class WorkerPool:
    """So many slots; `close` ends their workers."""

    def __init__(self, jobs: int) -> None:
        self.slots = tuple(Slot(number) for number in range(jobs))

    def ask(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """The result of a task that is no submission's, tried again where its worker ends."""
        return self.ask_all(function, [arguments], self.slots[:1])[0]

    def ask_all(
        self,
        function: Callable[..., Any],
        arguments: Sequence[tuple[Any, ...]],
        slots: Sequence[Slot] = (),
    ) -> list[Any]:
        """The results of a task for each slot, all at the same time."""
        places = slots or self.slots
        pairs = list(zip(places, arguments, strict=True))
        for _ in places[0].attempts():
            futures = [slot.submit(function, *given) for slot, given in pairs]
            try:
                return [future.result() for future in futures]
            except ProcessEndedError:
                for slot, future in zip(places, futures, strict=True):
                    if isinstance(future.exception(), ProcessEndedError):
                        slot.renew()
        raise _ends()

    def close(self) -> None:
        """End all workers."""
        for slot in self.slots:
            slot.kill()
        for slot in self.slots:
            slot.close()


def dealt(capacities: Sequence[int], jobs: int) -> tuple[int, ...]:
    """For each of so many jobs a place, so that every place is filled in the same measure.

    A place without a capacity (0) counts as one with room for one.
    """
    room = [max(capacity, 1) for capacity in capacities]
    taken = [0] * len(room)
    found = []
    for _ in range(jobs):
        place = min(range(len(room)), key=lambda n: ((taken[n] + 1) / room[n], n))
        taken[place] += 1
        found.append(place)
    return tuple(found)
