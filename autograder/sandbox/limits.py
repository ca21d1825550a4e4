"""How much a submission may use, and how far it can be kept apart."""

from __future__ import annotations

from dataclasses import dataclass

LEVELS = ("namespaces", "landlock", "none")  # of isolation, best first


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """`call` and `total` in seconds of wall time: one call or cell, one submission.

    `memory` in bytes, beyond what the sandbox itself needs.
    """

    call: float = 20.0
    total: float = 300.0
    memory: int = 2 << 30
