"""One arena per isolation level for all attacks."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1] / "sandbox"))
from arena import Arena
from machine import SEED, WORKER, kernel_lacks, sandbox_at


@pytest.fixture(scope="session", params=["namespaces", "landlock"])
def arena(request: pytest.FixtureRequest) -> Iterator[Arena]:
    if reason := kernel_lacks(request.param):
        pytest.skip(reason)
    arena = Arena(sandbox_at(request.param), SEED, WORKER)
    yield arena
    arena.close()
