"""Processes of the grader's own: they call functions, outlive their server, and end with us."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import odd_errors
import pytest
from interrupting import survivors

from autograder.processes import _WORKERS, Process, ProcessEndedError

pytestmark = [pytest.mark.slow, pytest.mark.sandbox]


@pytest.fixture
def process() -> Iterator[Process]:
    with closing(Process()) as one:
        yield one


def test_a_function_is_called_where_we_are_and_with_our_environment(
    process: Process, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert process.submit(os.getpid).result() == process.pid != os.getpid()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MOELAB_TEST", "there")
    with closing(Process()) as later:
        assert later.submit(os.getcwd).result() == str(tmp_path)
        assert later.submit(os.getenv, "MOELAB_TEST").result() == "there"


def test_errors_come_back_with_their_traceback_and_the_process_goes_on(process: Process) -> None:
    with pytest.raises(FileNotFoundError, match="nowhere") as caught:
        process.submit(os.stat, "/nowhere").result()
    assert "Traceback" in caught.value.__notes__[0]
    with pytest.raises(RuntimeError, match="UnreadableError: 1 and 2"):
        process.submit(odd_errors.raise_unreadable).result()
    with pytest.raises(SystemExit):
        process.submit(sys.exit, 3).result()
    with pytest.raises(Exception, match="pickle"):
        process.submit(lambda: 1).result()
    assert process.submit(max, 1, 2).result() == 2


def test_what_a_killed_process_was_doing_ends_with_an_error_that_says_so(process: Process) -> None:
    files = len(os.listdir("/proc/self/fd"))
    with closing(Process()) as other:
        future = other.submit(time.sleep, 600)
        os.kill(other.pid, signal.SIGKILL)
        with pytest.raises(ProcessEndedError):
            future.result()
        assert other.has_ended
    assert not process.has_ended
    assert len(os.listdir("/proc/self/fd")) == files


def test_processes_outlive_the_server_they_came_from_and_the_next_one_is_there_at_once(
    process: Process,
) -> None:
    server = _WORKERS.server().process.pid
    slow = process.submit(time.sleep, 0.5)
    os.kill(server, signal.SIGKILL)
    assert not survivors({server})
    assert slow.result() is None
    with closing(Process()) as later:
        assert later.submit(os.getppid).result() == _WORKERS.server().process.pid != server
    assert process.submit(os.getpid).result() == process.pid


def test_a_process_at_work_ends_with_the_one_that_asked_for_it() -> None:
    program = """
import time
from autograder.processes import _WORKERS, Process
from autograder.sandbox.forkserver import SANDBOXES
busy, idle = Process(), Process()
future = busy.submit(time.sleep, 600)
servers = (_WORKERS.server().process.pid, SANDBOXES.server().process.pid)
print(busy.pid, idle.pid, *servers, flush=True)
future.result()
"""
    grader = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    assert grader.stdout is not None
    below = set(map(int, grader.stdout.readline().split()))
    assert len(below) == 4
    grader.kill()
    grader.wait()
    grader.stdout.close()
    assert not survivors(below)
