"""The memory of all submissions together is bounded: as many at once as fit, each in a group."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from machine import kernel_lacks

from autograder.records import Outcome
from autograder.sandbox.cgroups import (
    PREFIX,
    Group,
    NoGroup,
    machine_memory,
    memory_hierarchy,
    remove_groups_of,
)
from autograder.sandbox.isolation import Sandbox
from autograder.sandbox.limits import SANDBOX_BYTES, Limits, at_once
from autograder.sandbox.session import SandboxSession
from autograder.session import Interrupted
from moe_lab.bench import Bench
from moelab_kit.calls import Call

GIB = 1 << 30
PATIENT = Limits(call=30.0, total=90.0)
BYTES_ALIVE = b"""
import torch
def take(size):
    held = torch.ones(size, dtype=torch.uint8)
    return int(held[-1])
"""


def test_as_many_are_graded_at_once_as_fit_and_the_run_says_so() -> None:
    limits = Limits(memory=2 * GIB)
    assert at_once(4, limits, 12 * GIB) == (4, "")
    jobs, said = at_once(8, limits, 12 * GIB)
    assert jobs == 4
    assert said.startswith("4 at once instead of 8: ")
    assert "3 GiB" in said
    assert "12 GiB" in said
    jobs, said = at_once(8, limits, 2 * GIB)
    assert jobs == 1
    assert "--memory-limit" in said


def test_without_a_number_most_of_the_machine_is_shared_out() -> None:
    each = Limits().sandbox
    jobs, _ = at_once(10_000, Limits())
    assert jobs == max(1, int(0.8 * machine_memory()) // each)
    assert each == Limits().memory + SANDBOX_BYTES


@pytest.fixture
def group() -> Iterator[Group]:
    try:
        group = Group()
    except NoGroup as reason:
        pytest.skip(f"no control groups here: {reason}")
    yield group
    group.close()


def test_groups_of_killed_graders_are_removed_and_others_stay(group: Group) -> None:
    left = group.folder.with_name(f"{PREFIX}{_unused_process()}-left")
    left.mkdir()
    second = Group()
    assert not left.exists()
    assert group.folder.exists()
    second.close()
    assert not second.folder.exists()


@pytest.mark.usefixtures("group")
def test_groups_of_workers_that_end_without_a_word_are_removed() -> None:
    program = "from autograder.sandbox.cgroups import Group; print(Group().folder)"
    worker = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    folder = Path(worker.communicate(timeout=60)[0].strip())
    assert folder.name.startswith(f"{PREFIX}{worker.pid}-")
    assert folder.exists()
    remove_groups_of([worker.pid])
    assert not folder.exists()


@pytest.mark.slow
@pytest.mark.usefixtures("group")
def test_what_the_group_has_no_room_for_ends_the_child_alone(bench: Bench) -> None:
    """The process's own limit is far away; the group's, which counts everything, is not."""
    level = "landlock" if kernel_lacks("namespaces") else "namespaces"
    sandbox = Sandbox((level,), bench.seed, Limits(memory=4 * GIB), worker=1)
    zygote = sandbox._zygote
    try:
        assert zygote._group is not None
        assert str(zygote.process.pid) in _processes(zygote._group.folder)
        zygote._group.limit(300 << 20)
        session = SandboxSession(sandbox, bench, PATIENT)
        session.read(BYTES_ALIVE, "a.py")
        assert session.perform(Call("take", (100 << 20,))).value == 1
        with pytest.raises(Interrupted) as caught:
            session.perform(Call("take", (1 << 30,)))
        assert caught.value.outcome is Outcome.MEMORY
        assert session.perform(Call("take", (100 << 20,))).value == 1
        assert sandbox._zygote is zygote
        session.close()
    finally:
        sandbox.close()
    assert not zygote._group.folder.exists()


@pytest.mark.usefixtures("group")
def test_a_submission_is_in_the_group_and_cannot_leave_it(sandbox: Sandbox, submit) -> None:
    hierarchy, inside = memory_hierarchy(), sandbox._zygote._group
    assert hierarchy is not None
    assert inside is not None
    before = _processes(inside.folder)
    session = submit(LEAVING)
    folders = [str(hierarchy.root), str(hierarchy.own), str(inside.folder)]
    assert session.perform(Call("leave", (folders,))).value == []
    assert len(_processes(inside.folder)) == len(before) + 1


LEAVING = """
import ctypes, glob, os
def leave(folders):
    got = []
    if ctypes.CDLL(None).mount(b"none", b"/tmp", b"cgroup2", 0, None) == 0:
        got.append("a mount")
    for folder in [*folders, *glob.glob("/sys/fs/cgroup/*"), "/proc/1/root/sys/fs/cgroup"]:
        for name in ("cgroup.procs", "tasks", "cgroup.threads", "memory.max",
                     "memory.limit_in_bytes", "cgroup.subtree_control"):
            try:
                with open(os.path.join(folder, name), "w") as file:
                    file.write(str(os.getpid()))
                got.append(folder)
            except OSError:
                continue
    return got
"""


def _processes(folder: Path) -> list[str]:
    return (folder / "cgroup.procs").read_text(encoding="ascii").split()


def _unused_process() -> int:
    return next(pid for pid in range(4_000_000, 1, -1) if not os.path.exists(f"/proc/{pid}"))
