"""Setting a sandbox up: it is proven before use, and never weaker than what was asked for."""

from __future__ import annotations

import os
import signal
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from machine import LIMITS, SEED, kernel_lacks, sandbox_at

from autograder.inside.spec import ZygoteSettings
from autograder.sandbox.errors import SandboxError
from autograder.sandbox.isolation import acceptable_levels, self_test
from autograder.sandbox.paths import library_paths, secret_paths
from autograder.sandbox.session import SandboxSession
from autograder.sandbox.users import free_user
from autograder.sandbox.zygote import ZygoteClient
from moe_lab.bench import Bench
from moelab_kit.calls import Call

pytestmark = [pytest.mark.slow, pytest.mark.sandbox]


@contextmanager
def zygote_with(**changes: object) -> Iterator[tuple[ZygoteClient, Path]]:
    """A zygote at level `landlock`, except for what is changed, and its scratch folder."""
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as scratch:
        settings = ZygoteSettings(
            isolation="landlock",
            bench_seed=SEED,
            libraries=library_paths(),
            secrets=secret_paths("reference"),
            scratch=scratch,
            memory=LIMITS.memory,
            seconds=600,
            users=(free_user(3),),
        )
        zygote = ZygoteClient(replace(settings, **changes))
        try:
            yield zygote, Path(scratch)
        finally:
            zygote.close()


def test_the_self_test_refuses_a_sandbox_that_isolates_nothing() -> None:
    with (
        zygote_with(isolation="none") as (zygote, scratch),
        pytest.raises(SandboxError) as caught,
    ):
        self_test(zygote, "reference", scratch, LIMITS)
    for gain in ("reading the grader's files", "opening a socket", "starting a process"):
        assert gain in str(caught.value)
    assert "is still there" in str(caught.value)


def test_the_self_test_refuses_a_sandbox_that_shows_or_gives_too_much() -> None:
    loose = {"libraries": (*library_paths(), "/"), "memory": 64 << 30}
    with zygote_with(**loose) as (zygote, scratch), pytest.raises(SandboxError) as caught:
        self_test(zygote, "reference", scratch, LIMITS)
    for gain in ("reading the grader's files", "listing processes", "allocating beyond the limit"):
        assert gain in str(caught.value)


def test_a_child_that_cannot_lock_itself_down_does_not_run() -> None:
    with zygote_with(memory=-(1 << 60)) as (zygote, _):
        for _ in range(2):
            with pytest.raises(SandboxError, match="could not lock itself down"):
                zygote.fork()


def test_acceptable_levels_never_fall_below_what_was_asked_for() -> None:
    assert acceptable_levels("auto") == ("namespaces", "landlock")
    assert acceptable_levels("namespaces") == ("namespaces",)
    assert acceptable_levels("landlock") == ("namespaces", "landlock")
    assert "none" in acceptable_levels("none")
    for lowest in ("auto", "namespaces", "landlock"):
        assert "none" not in acceptable_levels(lowest)
    with pytest.raises(ValueError, match="bubblewrap"):
        acceptable_levels("bubblewrap")


def test_a_call_during_which_the_zygote_is_killed_is_made_again_in_a_new_one(bench: Bench) -> None:
    level = "landlock" if kernel_lacks("namespaces") else "namespaces"
    sandbox = sandbox_at(level)
    session = SandboxSession(sandbox, bench, LIMITS)
    session.read(b"import time\ndef f(x): time.sleep(x); return x\n", "a.py")
    assert session.perform(Call("f", (0,))).value == 0
    killer = threading.Timer(0.3, os.kill, (sandbox._zygote.process.pid, signal.SIGKILL))
    killer.start()
    assert session.perform(Call("f", (1,))).value == 1
    assert session.perform(Call("f", (0,))).value == 0
    assert sandbox.level == level
    session.close()
