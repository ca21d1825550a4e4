"""How much a submission may use, how far it is isolated, and how many fit the machine at once."""

from __future__ import annotations

from dataclasses import dataclass, replace

from autograder.sandbox.cgroups import UNLIMITED, free_processes, machine_memory

LEVELS = ("namespaces", "landlock", "none")  # of isolation, best first
BUFFER_BYTES = 256 << 20  # what a submission may take besides: 64 MiB of files, sockets, tables
SANDBOX_BYTES = 1 << 30  # what a sandbox takes besides its submission: these, Python, the models
SHARE = 0.8  # of the machine's memory for submissions; the rest is for the grader's own processes


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """`call` and `total` in seconds on the clock: one call or cell, one submission. What others
    took of the processors does not count.

    `memory` in bytes, beyond what the sandbox itself needs. `threads` of one submission at once.
    """

    call: float = 20.0
    total: float = 300.0
    memory: int = 2 << 30
    threads: int = 64

    @property
    def sandbox(self) -> int:
        """Bytes that a sandbox and the submission in it take at most."""
        return self.memory + SANDBOX_BYTES

    def fitting(self, memory: int) -> int:
        """How many sandboxes fit into `memory` bytes."""
        return memory // self.sandbox


def in_words(size: int) -> str:
    """A number of bytes for people."""
    unit, name = (1 << 30, "GiB") if size >= 1 << 30 else (1 << 20, "MiB")
    return f"{size / unit:.3g} {name}"


OWN_PROCESSES = 24  # threads and processes of a run, however many are graded at once
PROCESSES_BESIDE = 9  # of a submission: its worker, its sandbox, and what waits for these
LEAST_THREADS = 8  # of a submission: fewer at once rather than fewer of these


def at_once(jobs: int, limits: Limits, total: int = 0) -> tuple[int, str]:
    """How many of `jobs` submissions fit into `total` bytes (0: most of the machine's memory).

    The text is a sentence where that is fewer, and empty otherwise. At least one is graded.
    """
    memory = total or int(SHARE * machine_memory())
    fitting = limits.fitting(memory)
    if not memory or fitting >= jobs:
        return jobs, ""
    each, there = in_words(limits.sandbox), in_words(memory)
    if not fitting:
        return 1, (
            f"one submission at a time: with its sandbox it may take {each}, and there are {there} "
            "for all; a lower --memory-limit would fit"
        )
    return fitting, (
        f"{fitting} at once instead of {jobs}: with its sandbox each submission may take {each}, "
        f"and there are {there} for all (--total-memory)"
    )


def sharing_threads(jobs: int, limits: Limits, room: int | None = None) -> tuple[int, Limits, str]:
    """How many of `jobs` submissions get their threads out of `room`, and limits that say so.

    `room` is how many more processes and threads there may be (None: ask the system). What one
    submission takes, neither its neighbours nor the grader may miss. The text is as in `at_once`.
    """
    room = free_processes() if room is None else room
    if room >= UNLIMITED:
        return jobs, limits, ""
    least = PROCESSES_BESIDE + LEAST_THREADS
    fitting = max(min(jobs, (room - OWN_PROCESSES) // least), 1)
    threads = max((room - OWN_PROCESSES) // fitting - PROCESSES_BESIDE, LEAST_THREADS)
    fewer = replace(limits, threads=min(limits.threads, threads))
    if fitting == jobs:
        return jobs, fewer, ""
    return (
        fitting,
        fewer,
        f"{fitting} at once instead of {jobs}: {room} more processes and threads may run here "
        "(pids.max of a control group, or ulimit -u)",
    )
