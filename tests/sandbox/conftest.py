"""One sandbox per isolation level for all tests, with small limits."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from machine import LIMITS, SEED, kernel_lacks, sandbox_at

from autograder.sandbox.isolation import Sandbox
from autograder.sandbox.limits import Limits
from autograder.sandbox.session import SandboxSession
from moe_lab.bench import Bench


@pytest.fixture(scope="session")
def bench() -> Bench:
    return Bench(SEED)


@pytest.fixture(scope="session", params=["namespaces", "landlock"])
def level(request: pytest.FixtureRequest) -> str:
    if reason := kernel_lacks(request.param):
        pytest.skip(reason)
    return request.param


@pytest.fixture(scope="session")
def sandbox(level: str) -> Sandbox:
    return sandbox_at(level)


class Submit:
    """Opens sessions for submissions given as text, and closes them all at the end."""

    def __init__(self, sandbox: Sandbox, bench: Bench) -> None:
        self._sandbox = sandbox
        self._bench = bench
        self._sessions: list[SandboxSession] = []

    def __call__(self, text: str, limits: Limits = LIMITS) -> SandboxSession:
        session = SandboxSession(self._sandbox, self._bench, limits)
        self._sessions.append(session)
        session.read(text.encode(), "submission.py")
        return session

    def close(self) -> None:
        for session in self._sessions:
            session.close()


@pytest.fixture
def submit(sandbox: Sandbox, bench: Bench) -> Iterator[Submit]:
    submit = Submit(sandbox, bench)
    yield submit
    submit.close()
