"""How many submissions are graded at once, so that their memory in total fits the machine."""

from __future__ import annotations

from autograder.sandbox.hierarchy import machine_memory
from autograder.sandbox.limits import SHARE, Limits, in_words


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
