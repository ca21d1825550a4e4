"""What one submission takes of the machine, neither another nor the grader misses."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from machine import CHECKOUT, as_ordinary_user, kernel_lacks

from autograder.records import Outcome
from autograder.sandbox.cgroups import UNLIMITED, free_processes, hierarchy_of
from autograder.sandbox.isolation import Sandbox
from autograder.sandbox.limits import Limits, sharing_threads
from autograder.sandbox.session import SandboxSession
from autograder.session import Interrupted
from moe_lab.bench import Bench
from moelab_kit.calls import Call

pytestmark = pytest.mark.slow

PROCESSES = 80
HERE = {"PATH": os.environ.get("PATH", ""), "PYTHONPATH": str(CHECKOUT)}
PROGRAM = str(CHECKOUT / "tests/support/crowd.py")


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


BUSY = "import os; os.sched_setaffinity(0, {PLACE}); print(flush=True)\nwhile True: pass"
WORK = b"""
import time

def work(seconds):
    until = time.process_time() + seconds
    while time.process_time() < until:
        pass
    return "done"
"""


@pytest.fixture
def crowded() -> Iterator[int]:
    """One processor with a dozen busy processes."""
    place = min(os.sched_getaffinity(0))
    program = BUSY.replace("PLACE", str(place))
    busy = [
        subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, cwd="/")
        for _ in range(12)
    ]
    try:
        for one in busy:
            assert one.stdout is not None
            one.stdout.readline()
        yield place
    finally:
        for one in busy:
            one.kill()
            one.communicate()


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    level = "landlock" if kernel_lacks("namespaces") else "namespaces"
    if reason := kernel_lacks(level):
        pytest.skip(reason)
    sandbox = Sandbox((level,), "a crowd", Limits(memory=1 << 30), worker=1)
    try:
        yield sandbox
    finally:
        with suppress(OSError):  # a test may have closed it
            sandbox.close()


@pytest.mark.sandbox
def test_a_time_limit_does_not_count_while_others_have_the_processor(
    sandbox: Sandbox, crowded: int
) -> None:
    os.sched_setaffinity(sandbox._zygote.process.pid, {crowded})
    limits = Limits(call=1.0, total=60.0)
    session = SandboxSession(sandbox, Bench("a crowd"), limits)
    session.read(WORK, "work.py")
    assert session.perform(Call("work", (0.7,))).value == "done"
    with pytest.raises(Interrupted) as caught:
        session.perform(Call("work", (1.5,)))
    assert caught.value.outcome is Outcome.TIMEOUT
    assert not caught.value.doubtful, "it has used its own time"
    session.close()


@pytest.mark.sandbox
def test_each_sandbox_has_its_own_part_of_the_processors(sandbox: Sandbox) -> None:
    group = sandbox._zygote._group
    if group is None or hierarchy_of("cpu") is None:
        pytest.skip("no control groups for processors here")
    pid = sandbox._zygote.process.pid
    lines = Path(f"/proc/{pid}/cgroup").read_text(encoding="utf-8").splitlines()
    own = {
        name: path
        for _, names, path in (x.split(":", 2) for x in lines)
        for name in names.split(",")
    }
    shared = own.get("cpu", own.get(""))
    assert shared is not None
    assert Path(shared).name == group.folder.name
    sandbox.close()
    assert not [*hierarchy_of("cpu").own.glob(f"{group.folder.name}*")]


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
