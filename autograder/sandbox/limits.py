"""How much a submission may use, how many fit at once, and how far they can be kept apart."""

from __future__ import annotations

from dataclasses import dataclass

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
