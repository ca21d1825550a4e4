"""The fork server imports once for all zygotes of a process and its forks, and ends with them."""

from __future__ import annotations

import os
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from interrupting import parent_of, survivors
from machine import LIMITS, SEED, kernel_lacks, sandbox_at

from autograder.sandbox import forkserver
from autograder.sandbox.errors import SandboxError
from autograder.sandbox.isolation import Sandbox
from autograder.sandbox.session import SandboxSession
from moe_lab.bench import Bench
from moelab_kit.calls import Call

pytestmark = [pytest.mark.slow, pytest.mark.sandbox]


@pytest.fixture
def level() -> str:
    return "landlock" if kernel_lacks("namespaces") else "namespaces"


@pytest.fixture
def own(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No fork server yet; the one that other tests use comes back afterwards."""
    one = forkserver.OneForkServer(forkserver._sandboxes)
    monkeypatch.setattr(forkserver, "SANDBOXES", one)
    yield
    one.close()


def test_sandboxes_are_forked_from_one_process_that_has_one_thread(level: str) -> None:
    first = sandbox_at(level)
    second = Sandbox((level,), "another seed", LIMITS, worker=2)
    try:
        fork_server = parent_of(first._zygote.process.pid)
        assert parent_of(second._zygote.process.pid) == fork_server
        assert parent_of(fork_server) == os.getpid()
        assert len(os.listdir(f"/proc/{fork_server}/task")) == 1
    finally:
        second.close()
    assert not survivors({second._zygote.process.pid})


def test_a_fork_of_the_grader_uses_the_same_fork_server(level: str) -> None:
    fork_server = parent_of(sandbox_at(level)._zygote.process.pid)
    readable, writable = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            with tempfile.TemporaryFile() as log:
                control, process = forkserver.SANDBOXES.fork(log)
                os.write(writable, str(parent_of(process.pid)).encode())
                control.close()
        finally:
            os._exit(0)
    os.close(writable)
    os.waitpid(child, 0)
    with open(readable, "rb") as answer:
        assert int(answer.read()) == fork_server


@pytest.mark.usefixtures("own")
def test_when_the_fork_server_is_killed_a_new_one_takes_its_place(level: str, bench: Bench) -> None:
    sandbox = Sandbox((level,), SEED, LIMITS, worker=2)
    try:
        old = parent_of(sandbox._zygote.process.pid)
        os.kill(old, signal.SIGKILL)
        assert not survivors({old})
        zygote = sandbox._zygote.process.pid
        assert answer_of(sandbox, bench) == 2
        assert sandbox._zygote.process.pid == zygote, "zygotes outlive it"
        sandbox._zygote.process.kill()
        assert sandbox._zygote.process.has_ended(10.0)
        while sandbox._zygote.process.pid == zygote:  # a child prepared before may answer once
            assert answer_of(sandbox, bench) == 2
        new = parent_of(sandbox._zygote.process.pid)
        assert new == forkserver.SANDBOXES.server().process.pid != old
    finally:
        sandbox.close()


def answer_of(sandbox: Sandbox, bench: Bench) -> object:
    """What a submission answers in a sandbox."""
    session = SandboxSession(sandbox, bench, LIMITS)
    try:
        session.read(b"def f(x): return x + 1\n", "a.py")
        return session.perform(Call("f", (1,))).value
    finally:
        session.close()


@pytest.mark.usefixtures("own")
def test_a_fork_server_that_cannot_import_its_libraries_says_so(
    level: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    broken = "raise ModuleNotFoundError(\"No module named 'torch'\")"
    (tmp_path / "__main__.py").write_text(broken, encoding="utf-8")
    monkeypatch.setattr(forkserver, "PROGRAM", tmp_path)
    with pytest.raises(SandboxError, match="No module named 'torch'"):
        Sandbox((level,), SEED, LIMITS, worker=2)


@pytest.mark.usefixtures("own")
def test_a_fork_server_of_a_course_without_models_serves_one_with_models(
    level: str, bench: Bench
) -> None:
    forkserver.SANDBOXES.packages = ()
    forkserver.SANDBOXES.server()
    sandbox = Sandbox((level,), SEED, LIMITS, worker=2)
    session = SandboxSession(sandbox, bench, LIMITS)
    try:
        session.read(b"def f(model): return model.config.num_experts", "a.py")
        assert isinstance(session.perform(Call("f", (bench.random("olmoe"),))).value, int)
    finally:
        session.close()
        sandbox.close()
