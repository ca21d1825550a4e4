"""What one submission takes of the machine's threads, neither another nor the grader misses."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from machine import CHECKOUT, as_ordinary_user, kernel_lacks

from autograder.grading.together import sharing_threads
from autograder.sandbox.hierarchy import UNLIMITED, free_processes, hierarchy_of
from autograder.sandbox.limits import Limits

PROCESSES = 80
HERE = {"PATH": os.environ.get("PATH", ""), "PYTHONPATH": str(CHECKOUT)}
PROGRAM = str(CHECKOUT / "tests/sandbox/crowd.py")


def test_a_small_room_is_shared_out_and_the_run_says_so() -> None:
    assert sharing_threads(4, Limits(), UNLIMITED) == (4, Limits(), "")
    jobs, limits, said = sharing_threads(4, Limits(), 1000)
    assert (jobs, limits.threads, said) == (4, 64, "")
    jobs, limits, said = sharing_threads(2, Limits(), 100)
    assert (jobs, said) == (2, "")
    assert 8 <= limits.threads < 38
    jobs, limits, said = sharing_threads(8, Limits(), 60)
    assert jobs == 2
    assert limits.threads >= 8
    assert "60 more processes" in said
    assert sharing_threads(8, Limits(), 0)[0] == 1


@pytest.fixture
def group() -> Iterator[Path]:
    """A control group in which few processes may run."""
    hierarchy = hierarchy_of("pids")
    if hierarchy is None:
        pytest.skip("no control groups for processes here")
    folder = hierarchy.own / f"moelab-test-{secrets.token_hex(4)}"
    try:
        folder.mkdir()
        (folder / "pids.max").write_text(str(PROCESSES))
    except OSError as error:
        pytest.skip(f"control groups cannot be made here: {error}")
    yield folder
    until = time.monotonic() + 60.0
    while (folder / "cgroup.procs").read_text() and time.monotonic() < until:
        time.sleep(0.05)
    folder.rmdir()


@pytest.mark.sandbox
@pytest.mark.parametrize("level", ["namespaces", "landlock"])
def test_in_a_container_with_few_processes_a_greedy_submission_takes_its_share_alone(
    level: str, group: Path
) -> None:
    if reason := kernel_lacks(level):
        pytest.skip(reason)

    def enter() -> None:
        (group / "cgroup.procs").write_text(str(os.getpid()))
        assert free_processes() < PROCESSES

    done = subprocess.run(
        [sys.executable, PROGRAM, level],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=False,
        env=HERE,
        preexec_fn=enter,
    )
    found = found_by(done)
    assert found["jobs"] == 2
    assert 8 <= found["taken"] < PROCESSES / 2
    assert (found["honest"], found["doubtful"], found["another"]) == (4, False, True)


@pytest.mark.sandbox
def test_in_an_ordinary_users_namespaces_each_submission_has_threads_of_its_own() -> None:
    found = as_user("namespaces")
    assert 8 <= found["taken"] <= 64
    assert (found["honest"], found["doubtful"], found["another"]) == (4, False, True)


@pytest.mark.sandbox
def test_without_namespaces_a_users_grader_keeps_room_and_doubts_whom_a_neighbour_starved() -> None:
    found = as_user("landlock")
    assert found["taken"] >= 8
    assert found["another"]
    assert found["honest"] == 4 or ("new thread" in found["honest"] and found["doubtful"])


def as_user(level: str) -> dict[str, object]:
    """What becomes of the two where an ordinary user may have 160 more threads."""
    command, reason = as_ordinary_user()
    if reason or kernel_lacks(level):
        pytest.skip(reason or kernel_lacks(level))
    done = subprocess.run(
        [*command, PROGRAM, level, "160"],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=False,
        env=HERE,
    )
    return found_by(done)


def found_by(done: subprocess.CompletedProcess[str]) -> dict[str, object]:
    """What the program printed."""
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout.splitlines()[-1])
