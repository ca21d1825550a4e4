"""How many submissions are graded at once, so that all of them together fit the machine."""

from __future__ import annotations

from dataclasses import replace

from autograder.sandbox.hierarchy import UNLIMITED, free_processes, machine_memory
from autograder.sandbox.limits import SHARE, Limits, in_words

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
