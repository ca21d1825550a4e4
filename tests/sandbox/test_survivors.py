"""Nothing outlives a sandbox, and it works for other users and with fewer privileges as well."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest
from machine import CHECKOUT, as_ordinary_user, kernel_lacks

pytestmark = pytest.mark.sandbox

TOUR = str(Path(__file__).with_name("tour.py"))
GOOD = {"crash": "died", "loop": "timeout", "hoard": "memory", "threads": 20}
# What Docker leaves to root in a container: no SYS_ADMIN, so no namespaces.
CONTAINER = (
    "-all,+chown,+dac_override,+dac_read_search,+fowner,+fsetid,+kill,+setgid,+setuid,+setpcap,"
    "+net_bind_service,+net_raw,+sys_chroot,+mknod,+audit_write,+setfcap"
)


def tour(command: list[str], *levels: str) -> dict[str, object]:
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o777)
        done = subprocess.run(
            [*command, TOUR, *levels],
            cwd=CHECKOUT,
            env={"PATH": os.environ.get("PATH", ""), "TMPDIR": folder, "HOME": folder},
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
        assert done.returncode == 0, done.stderr[-2000:]
        assert os.listdir(folder) == []
    found: dict[str, object] = json.loads(done.stdout.splitlines()[-1])
    return found


@pytest.mark.parametrize("wanted", ["namespaces", "landlock"])
def test_an_ordinary_user_gets_the_same_sandbox(wanted: str) -> None:
    command, reason = as_ordinary_user()
    if reason := reason or kernel_lacks(wanted):
        pytest.skip(reason)
    found = tour(command, wanted)
    assert found.get("level") == wanted, found
    assert found["honest"]
    assert {name: found[name] for name in GOOD} == GOOD
    assert found["who"] != 0


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give up what a container takes away")
@pytest.mark.skipif(shutil.which("setpriv") is None, reason="setpriv is not installed")
def test_root_in_a_container_gets_landlock_only_where_that_is_acceptable() -> None:
    if reason := kernel_lacks("landlock"):
        pytest.skip(reason)
    command = ["setpriv", f"--bounding-set={CONTAINER}", "--inh-caps=-all", "--", sys.executable]
    error = str(tour(command, "namespaces").get("error"))
    assert "nothing was graded" in error
    assert "namespaces:" in error
    found = tour(command, "namespaces", "landlock")
    assert found.get("level") == "landlock", found
    assert {name: found[name] for name in GOOD} == GOOD
    assert found["who"] not in (0, os.geteuid())


def test_a_killed_grader_leaves_no_process(level: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        grader = subprocess.Popen(
            [sys.executable, TOUR, "--hold", level],
            cwd=CHECKOUT,
            env=os.environ | {"TMPDIR": folder},
            stdout=subprocess.PIPE,
            text=True,
        )
        assert grader.stdout is not None
        with grader.stdout:
            assert json.loads(grader.stdout.readline())["level"] == level
            assert grader.stdout.readline() == "holding\n"
        below = descendants(grader.pid)
        assert len(below) >= 2, "a zygote and a child"
        grader.send_signal(signal.SIGKILL)
        grader.wait()
        deadline = time.monotonic() + 20
        while (left := alive(below)) and time.monotonic() < deadline:
            time.sleep(0.02)
        assert left == set()
        assert os.listdir(folder) == []


def descendants(root: int) -> set[tuple[int, str]]:
    """Every process below one, as (number, start time): a number alone may be given again."""
    parents = {process: stat[1] for process, stat in statistics().items()}
    found = {root}
    while more := {child for child, parent in parents.items() if int(parent) in found} - found:
        found |= more
    return {(process, started(process)) for process in found - {root}}


def alive(processes: set[tuple[int, str]]) -> set[tuple[int, str]]:
    now = {(p, stat[19]) for p, stat in statistics().items() if stat[0] not in "ZX"}
    return processes & now


def started(process: int) -> str:
    return statistics()[process][19]


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
