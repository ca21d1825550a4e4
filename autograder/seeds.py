"""How every seed of a run derives from the run's own. Importing this costs nothing."""

from __future__ import annotations

import hashlib


def bench_seed_of(seed: str) -> str:
    """The models' seed, which a submission may know, from the run's seed, which it may not."""
    return digest_of(seed, "bench")[:32]


def digest_of(*parts: str) -> str:
    """SHA-256 of the parts, in hexadecimal; how every derived seed is made."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()
