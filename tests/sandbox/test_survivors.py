"""Nothing outlives a sandbox, and it works for other users and with fewer privileges as well."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest
from machine import CHECKOUT, as_ordinary_user, elsewhere, kernel_lacks

pytestmark = [pytest.mark.slow, pytest.mark.sandbox]

TOUR = str(CHECKOUT / "tests" / "support" / "tour.py")
GOOD = {"crash": "died", "loop": "timeout", "hoard": "memory", "threads": 20}
SETTLING_SECONDS = 20.0


@pytest.mark.parametrize("user", ["this user", "an ordinary user"])
def test_a_tour_at_each_level_ends_well_and_its_killed_grader_leaves_nothing(user: str) -> None:
    levels = [level for level in ("namespaces", "landlock") if not kernel_lacks(level)]
    if not levels:
        pytest.skip(kernel_lacks("landlock"))
    command, reason = as_ordinary_user() if user == "an ordinary user" else ([sys.executable], "")
    if command == [sys.executable] and user == "an ordinary user":
        reason = "the tests run as an ordinary user anyway"
    if reason:
        pytest.skip(reason)
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o777)
        grader = start([*command, TOUR, *levels], folder)
        assert grader.stdout is not None
        with grader.stdout:
            tours = [json.loads(grader.stdout.readline()) for _ in levels]
            assert grader.stdout.readline() == "holding\n"
        below = descendants(grader.pid)
        grader.send_signal(signal.SIGKILL)
        grader.wait()
        assert len(below) >= 1 + 2 * len(levels), "the fork server, and a zygote and child of each"
        assert lasting(below) == set()
        assert [name for name in os.listdir(folder) if name.startswith("moelab")] == []
    for level, found in zip(levels, tours, strict=True):
        assert found["level"] == level, found
        assert found["honest"]
        assert {name: found[name] for name in GOOD} == GOOD
        assert found["who"] != 0


def test_root_in_a_container_gets_landlock_only_where_that_is_acceptable() -> None:
    command, reason = elsewhere("container")
    if reason := reason or kernel_lacks("landlock"):
        pytest.skip(reason)
    with tempfile.TemporaryDirectory() as folder:
        grader = start([*command, TOUR, "namespaces", "namespaces,landlock"], folder)
        assert grader.stdout is not None
        with grader.stdout:
            refused, found = (json.loads(grader.stdout.readline()) for _ in range(2))
        grader.kill()
        grader.wait()
    assert "nothing was graded" in refused["error"]
    assert "namespaces:" in refused["error"]
    assert found["level"] == "landlock", found
    assert {name: found[name] for name in GOOD} == GOOD
    assert found["who"] != 0


def start(command: list[str], folder: str) -> subprocess.Popen[str]:
    environment = {"PATH": os.environ.get("PATH", ""), "TMPDIR": folder, "HOME": folder}
    return subprocess.Popen(
        command, cwd=CHECKOUT, env=environment, stdout=subprocess.PIPE, text=True
    )


def descendants(root: int) -> set[tuple[int, str]]:
    """Every process below one, as (number, start time): a number alone may be given again."""
    found, now = {root}, statistics()
    while more := {one for one, stat in now.items() if int(stat[1]) in found} - found:
        found |= more
    return {(one, now[one][19]) for one in found - {root}}


def lasting(processes: set[tuple[int, str]]) -> set[tuple[int, str]]:
    """Those of the processes that are still there after a while."""
    deadline = time.monotonic() + SETTLING_SECONDS
    left = processes
    while left and time.monotonic() < deadline:
        time.sleep(0.02)
        now = {(one, stat[19]) for one, stat in statistics().items() if stat[0] not in "ZX"}
        left = left & now
    return left


def statistics() -> dict[int, list[str]]:
    """The fields of /proc/PID/stat from the state on, for every process."""
    found = {}
    for process in filter(str.isdecimal, os.listdir("/proc")):
        try:
            text = Path(f"/proc/{process}/stat").read_text(errors="replace")
        except OSError:
            continue
        found[int(process)] = text.rpartition(")")[2].split()
    return found
