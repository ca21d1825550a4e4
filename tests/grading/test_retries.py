"""What is nobody's answer is graded again: killed workers, broken checks, sandboxes that stop."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest
from arena import descendants

from autograder.grading import retries
from autograder.grading.batch import Grading
from autograder.grading.pool import Slot, dealt
from autograder.grading.retries import MOST_BROKEN, TooManyErrors
from autograder.grading.settings import Settings
from autograder.processes import _WORKERS, Process, is_stopped
from autograder.records import Grade, Outcome, Status
from autograder.sandbox.forkserver import SANDBOXES
from autograder.sandbox.limits import Limits
from autograder.submission.discover import find_submissions

pytestmark = pytest.mark.slow

HERE = Path(__file__).parent
SLOW = "import time\n\ndef step(x):\n    time.sleep(0.3)\n    return x\n\nstride = step\n"
STUDENTS_TO_DISTURB = 8
HONEST = "def step(x): return x\n\nstride = step\n"


@pytest.fixture
def course() -> str:
    return "fragile_course"


def settings(course: str) -> Settings:
    return Settings(seed="retries", course=course, limits=Limits(call=10.0, total=60.0))


def below(root: int) -> set[int]:
    """The grader's processes below one: Python's, not other tests' server of a database."""
    python, found = os.path.realpath("/proc/self/exe"), set()
    for pid in descendants(root):
        with contextlib.suppress(OSError):
            if os.path.realpath(f"/proc/{pid}/exe") == python:
                found.add(pid)
    return found


def children(process: int) -> list[int]:
    """The processes that one has forked and that live still."""
    with contextlib.suppress(OSError):
        listed = Path(f"/proc/{process}/task/{process}/children").read_text(encoding="ascii")
        return list(map(int, listed.split()))
    return []


@pytest.mark.sandbox
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_worker_that_somebody_ends_costs_no_points_and_spares_its_neighbour(
    number: int, course: str, tmp_path: Path
) -> None:
    for name in ("ada", "bob", "cyd"):
        (tmp_path / f"{name}.py").write_text(SLOW)
    with Grading(settings(course), jobs=2) as grading:
        assert grading.isolation
        first, second = (slot.pids for slot in grading._pool.slots)
        timer = threading.Timer(1.0, os.kill, (*first, number))
        timer.start()
        grades = list(grading.run("weak", find_submissions([tmp_path])))
        assert grading._pool.slots[1].pids == second
    assert sorted(grade.student for grade in grades) == ["ada", "bob", "cyd"]
    assert all(grade.score == grade.possible == 12 for grade in grades), grades


@pytest.mark.sandbox
def test_whatever_of_ours_is_killed_again_and_again_each_is_graded_once_and_rightly(
    course: str, tmp_path: Path
) -> None:
    for number in range(STUDENTS_TO_DISTURB):
        (tmp_path / f"student_{number}.py").write_text(SLOW)
    with closing(Process()) as process:
        assert process.submit(os.getpid).result() == process.pid
    before, there_before = len(os.listdir("/proc/self/fd")), below(os.getpid())
    grades, kinds = [], iter(("zygote", "child", "servers", "worker", "sandboxes"))
    with Grading(settings(course), jobs=2) as grading:
        assert grading.isolation
        workers = grading._pool.slots
        for grade in grading.run("weak", find_submissions([tmp_path])):
            grades.append(grade)
            with contextlib.suppress(OSError):
                for victim in ours(next(kinds, ""), workers):
                    os.kill(victim, signal.SIGKILL)
    assert len({grade.student for grade in grades}) == len(grades) == STUDENTS_TO_DISTURB
    assert all(grade.score == grade.possible == 12 for grade in grades), grades
    assert len(os.listdir("/proc/self/fd")) == before
    servers = {_WORKERS.server().process.pid, SANDBOXES.server().process.pid}
    assert below(os.getpid()) <= servers | there_before, "two servers, which later runs use"


def ours(kind: str, workers: Sequence[Slot]) -> list[int]:
    """The processes of one kind: "servers" are both; of zygotes and children all that there are."""
    sandboxes = SANDBOXES.server().process.pid
    zygotes = children(sandboxes)
    match kind:
        case "servers":
            return [_WORKERS.server().process.pid, sandboxes]
        case "sandboxes":
            return [sandboxes]
        case "worker":
            return [*workers[-1].pids]
        case "zygote":
            return zygotes[:1]
        case "child":
            return [child for zygote in zygotes for child in children(zygote)]
    return []


def test_the_database_server_of_other_tests_is_not_among_ours(postgres) -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as python:
        assert {python.pid, postgres.pid} <= descendants(os.getpid())
        assert python.pid in below(os.getpid())
        assert postgres.pid not in below(os.getpid())
        python.kill()


@pytest.mark.sandbox
def test_an_error_of_the_grader_is_graded_again_and_counts_if_it_comes_again(
    course: str, tmp_path: Path
) -> None:
    broken = graded(course, tmp_path, students=2)
    assert all(grade.status is Status.NEEDS_REVIEW for grade in broken)
    outcomes = [check.outcome for check in broken[0].exercises[0].checks]
    assert outcomes == [Outcome.GRADER_ERROR, Outcome.PASSED]


@pytest.mark.sandbox
def test_a_run_with_more_than_a_few_errors_of_the_grader_stops_and_says_why(
    course: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert MOST_BROKEN > 1
    monkeypatch.setattr(retries, "MOST_BROKEN", 1)
    with pytest.raises(TooManyErrors, match=r"2 of 2 .* ZeroDivisionError"):
        graded(course, tmp_path, students=2)


@pytest.mark.sandbox
def test_nobody_gets_points_where_the_grader_judged_nothing_however_small_the_class(
    course: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retries, "ATTEMPTS", 1)
    (tmp_path / "ada.py").write_text("# nothing\n")
    (tmp_path / "bob.py").write_text("# nothing at all\n")
    blank = find_submissions([tmp_path])
    with Grading(settings(course), jobs=1) as grading:
        with pytest.raises(TooManyErrors, match=r"2 of 2 .* ZeroDivisionError"):
            list(grading.run("hopeless", blank))
        with pytest.raises(TooManyErrors, match=r"1 of 1 .* no room for another process"):
            list(grading.run("starved", blank[:1]))
        alone = list(grading.run("hopeless", blank[:1]))
        one_of_many = list(grading.run("starved", blank[:1], kept=1))
    for grade in (*alone, *one_of_many):
        assert grade.status is Status.NEEDS_REVIEW, "others show that the grader works"


def graded(course: str, folder: Path, students: int) -> list[Grade]:
    """The grades of honest students in an assignment of which one check is broken."""
    for number in range(students):
        (folder / f"student_{number}.py").write_text("def half(x): return x / 2\n")
    with Grading(settings(course), jobs=2) as grading:
        return list(grading.run("broken", find_submissions([folder])))


def test_jobs_are_dealt_by_what_each_place_has_room_for() -> None:
    assert dealt((3, 1), 4).count(0) == 3
    assert dealt((8, 2), 5).count(1) == 1
    assert sorted(dealt((1, 1, 1), 3)) == [0, 1, 2]
    assert dealt((), 0) == ()
    assert dealt((0,), 3) == (0, 0, 0)


def test_a_stopped_process_is_seen() -> None:
    child = os.fork()
    if child == 0:
        time.sleep(60)
        os._exit(0)
    try:
        assert not is_stopped(child)
        os.kill(child, signal.SIGSTOP)
        os.waitpid(child, os.WUNTRACED)
        assert is_stopped(child)
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    assert not is_stopped(child)
