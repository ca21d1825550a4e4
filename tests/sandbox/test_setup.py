"""Setting a sandbox up: it is proven before it is used, and never weaker than what was asked for."""

from __future__ import annotations

import os
import signal
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from conftest import LIMITS, SEED

from autograder.inside.settings import ZygoteSettings
from autograder.lab.bench import Bench
from autograder.lab.calls import Call
from autograder.records import Outcome
from autograder.sandbox.errors import SandboxError
from autograder.sandbox.layout import library_paths, secret_paths
from autograder.sandbox.levels import Sandbox, acceptable_levels, probe, self_test
from autograder.sandbox.session import SandboxSession
from autograder.sandbox.zygote import Zygote
from autograder.session import Interrupted

pytestmark = pytest.mark.sandbox


@pytest.fixture
def settings() -> Iterator[ZygoteSettings]:
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as scratch:
        yield ZygoteSettings(
            isolation="landlock",
            bench_seed=SEED,
            libraries=library_paths(),
            secrets=secret_paths("reference"),
            scratch=scratch,
            memory=LIMITS.memory,
            seconds=600,
            user=61_999,
        )


@pytest.fixture
def refused(settings: ZygoteSettings) -> Callable[..., str]:
    """Why the self-test refuses a zygote whose settings were changed."""

    def refused(**changes: object) -> str:
        zygote = Zygote(replace(settings, **changes))
        try:
            with pytest.raises(SandboxError) as caught:
                self_test(zygote, "reference", Path(settings.scratch), LIMITS)
        finally:
            zygote.close()
        return str(caught.value)

    return refused


def test_the_self_test_refuses_a_sandbox_that_isolates_nothing(refused) -> None:
    reason = refused(isolation="none")
    for gain in ("reading the grader's files", "opening a socket", "starting a process"):
        assert gain in reason
    assert "lasting file" in reason


def test_the_self_test_refuses_a_sandbox_that_shows_too_much(refused) -> None:
    reason = refused(libraries=(*library_paths(), "/"))
    assert "reading the grader's files" in reason
    assert "listing processes" in reason


def test_the_self_test_refuses_a_sandbox_without_a_memory_limit(refused) -> None:
    assert "allocating beyond the limit" in refused(memory=64 << 30)


def test_the_self_test_refuses_a_level_that_nobody_knows(refused) -> None:
    assert "reading the grader's files" in refused(isolation="bubblewrap")


def test_a_child_that_cannot_lock_itself_down_does_not_run(settings: ZygoteSettings) -> None:
    zygote = Zygote(replace(settings, memory=-(1 << 60)))
    try:
        for _ in range(2):
            with pytest.raises(SandboxError, match="could not lock itself down"):
                zygote.fork()
    finally:
        zygote.close()


def test_a_zygote_that_cannot_be_set_up_says_why(settings: ZygoteSettings) -> None:
    with pytest.raises(SandboxError, match="could not be set up"):
        Zygote(replace(settings, isolation="namespaces", scratch="/nowhere/at/all"))


def test_acceptable_levels_never_fall_below_what_was_asked_for() -> None:
    assert acceptable_levels("auto") == ("namespaces", "landlock")
    assert acceptable_levels("namespaces") == ("namespaces",)
    assert acceptable_levels("landlock") == ("namespaces", "landlock")
    assert "none" in acceptable_levels("none")
    for lowest in ("auto", "namespaces", "landlock"):
        assert "none" not in acceptable_levels(lowest)
    with pytest.raises(ValueError, match="bubblewrap"):
        acceptable_levels("bubblewrap")


def test_the_doctor_tries_every_isolating_level() -> None:
    reports = probe(LIMITS)
    assert [report.level for report in reports] == ["namespaces", "landlock"]
    for report in reports:
        assert report.works or report.reason


class TestAZygoteThatIsKilled:
    """A sandbox outlives its zygote; the submission at work does not take the run with it."""

    @pytest.fixture
    def sandbox(self, level: str) -> Iterator[Sandbox]:
        sandbox = Sandbox((level,), SEED, LIMITS)
        yield sandbox
        sandbox.close()

    def test_the_call_at_work_dies_and_the_next_one_gets_a_new_zygote(
        self, sandbox: Sandbox, bench: Bench, level: str
    ) -> None:
        zygote = sandbox._zygote._process.pid
        session = SandboxSession(sandbox, bench, LIMITS)
        session.read(b"def f(x): return x\n", "a.py")
        assert session.perform(Call("f", (1,))).value == 1
        os.kill(zygote, signal.SIGKILL)
        with pytest.raises(Interrupted) as caught:
            session.perform(Call("f", (2,)))
        assert caught.value.outcome is Outcome.DIED
        assert session.perform(Call("f", (3,))).value == 3
        assert sandbox.level == level
        session.close()
