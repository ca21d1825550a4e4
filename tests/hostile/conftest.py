"""One arena per isolation level for all attacks."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from arena import Arena
from machine import SEED, WORKER, kernel_lacks, sandbox_at


@pytest.fixture(scope="session", params=["namespaces", "landlock"])
def arena(request: pytest.FixtureRequest) -> Iterator[Arena]:
    if reason := kernel_lacks(request.param):
        pytest.skip(reason)
    arena = Arena(sandbox_at(request.param), SEED, WORKER)
    yield arena
    arena.close()
