"""The grader's worker processes: one pool of one process per slot.

A process that ends breaks its own slot alone, so that a death names what was at work there, and the
neighbours go on. A slot that is renewed gets a new process, with a new sandbox.
"""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Any

from autograder.processes import server_context
from autograder.sandbox.cgroups import remove_groups_of
from autograder.sandbox.errors import ShortageError, is_shortage

SECONDS_TO_END = 5.0  # for a worker that was killed
ATTEMPTS_TO_ASK = 10  # in half a minute: to start a worker, or a task that is no submission's
SECONDS_TO_ASK = 600.0  # instead, where workers have worked before: something ends them meanwhile


class Slot:
    """A place for one worker process, which starts with its first task."""

    def __init__(self, number: int) -> None:
        self.number = number
        self._proven = False  # whether a worker here has brought a task to its end
        self._executor = self._new()

    def submit(self, function: Callable[..., Any], *arguments: Any) -> Future[Any]:
        """Start a task. `ShortageError` where the machine has no room for the worker's process."""
        asked = self.attempts()
        for attempt in asked:
            try:
                future = self._executor.submit(function, *arguments)
            except (BrokenProcessPool, OSError, EOFError) as error:  # or the fork server has ended
                asked.short |= is_shortage(error)
                self.renew()
                time.sleep(min(attempt, 4))
            else:
                future.add_done_callback(self._hear)
                return future
        raise _ends()

    def attempts(self) -> _Attempts:
        """How often to start something here: longer where workers have started before."""
        return _Attempts(patient=self._proven)

    def _hear(self, future: Future[Any]) -> None:
        if not future.cancelled() and not isinstance(future.exception(), BrokenProcessPool):
            self._proven = True

    def renew(self) -> None:
        """End the worker and whatever it is doing; the next task gets a new one."""
        self.close()
        self._executor = self._new()

    @property
    def pids(self) -> tuple[int, ...]:
        """The worker's process, if it has been started."""
        return tuple(self._executor._processes or ())

    def kill(self) -> None:
        """End the worker's process; its task ends as broken."""
        for process in list((self._executor._processes or {}).values()):
            process.kill()

    def close(self) -> None:
        """End the worker, wait for it, and remove what its sandboxes left."""
        processes = list((self._executor._processes or {}).values())
        self._executor.shutdown(wait=False, cancel_futures=True)
        for process in processes:
            process.kill()
        for process in processes:
            process.join(SECONDS_TO_END)
        if sys.platform == "linux":
            remove_groups_of(process.pid for process in processes if process.pid)

    def _new(self) -> ProcessPoolExecutor:
        return ProcessPoolExecutor(1, mp_context=server_context(), initializer=_start_worker)


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
            except BrokenProcessPool:
                for slot, future in zip(places, futures, strict=True):
                    if isinstance(future.exception(), BrokenProcessPool):
                        slot.renew()
        raise _ends()

    def close(self) -> None:
        """End all workers."""
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


def _start_worker() -> None:
    """In a new worker: leave Ctrl-C to the parent, and end with it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if sys.platform == "linux":
        from autograder import linux

        linux.die_with_parent()
