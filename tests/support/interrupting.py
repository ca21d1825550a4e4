"""Grading a class while something kills the grader again and again: what is left, and is it right?

Used by the tests with a few kills, and by `benchmarks/kill_the_grader.py` with many.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from command import moelab_here

ROOT = Path(__file__).resolve().parents[2]
COURSE = "toy_that_is_killed"
SECONDS_TO_GO = 60.0  # for processes whose command has ended
FILES_OF_A_JOB = 8  # that the command has open while a worker is renewed
ANSWERS = {
    "right": "counts / counts.sum()",
    "wrong": "counts / len(indices)",
    "crash": "counts / undefined",
    "blank": "None",
}
SUBMISSION = """
import torch

def expert_load(indices, num_experts):
    counts = torch.bincount(indices.reshape(-1), minlength=num_experts)
    return {answer}

def busiest_expert(load):
    if not len(load):
        raise ValueError("no expert")
    return int((load == load.max()).nonzero().min())

def load_gap(indices, num_experts):
    load = expert_load(indices, num_experts)
    return float(load.max() - load.min())

NUMBER = {number}
"""


@dataclass
class Ordeal:
    """A class of submissions to the toy course in a folder, graded by the real command.

    `within` are words before the command, that run it somewhere else.
    """

    folder: Path
    submissions: int
    jobs: int = 2
    within: tuple[str, ...] = ()

    def prepare(self) -> None:
        """Write the course and the submissions, each of its own contents."""
        toy = ROOT / "tests" / "courses" / "toycourse"
        shutil.copytree(toy, self.folder / COURSE, ignore=shutil.ignore_patterns("__pycache__"))
        (self.folder / "class").mkdir()
        answers = list(ANSWERS.values())
        for number in range(self.submissions):
            text = SUBMISSION.format(answer=answers[number % len(answers)], number=number)
            (self.folder / "class" / f"student_{number:03}.py").write_text(text)

    def start(self, gradebook: str, *options: str) -> subprocess.Popen[str]:
        """Start grading into a gradebook by the real command."""
        return self.moelab("grade", *self._order(gradebook, *options))

    def _order(self, gradebook: str, *options: str) -> tuple[str, ...]:
        where = ("class", "--course", COURSE, "--assignment", "toy", "--gradebook", gradebook)
        return (*where, "--jobs", str(self.jobs), *options)

    def moelab(self, *words: str) -> subprocess.Popen[str]:
        """Start a command of moelab in the folder."""
        return subprocess.Popen(
            [*self.within, sys.executable, "-m", "autograder.cli", *words],
            cwd=self.folder,
            env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def finish(self, gradebook: str, *options: str) -> str:
        """Grade to the end, in this process where it may, and return what was printed."""
        if self.within:
            process = self.start(gradebook, *options)
            printed, status = process.communicate()[0], process.returncode
        else:
            ended = moelab_here("grade", *self._order(gradebook, *options), cwd=self.folder)
            printed, status = ended.out + ended.err, ended.status
        assert status == 0, printed
        return printed

    def kill_after(self, gradebook: str, attempts: int, *options: str) -> set[int]:
        """Grade until the gradebook holds so many attempts, then kill at a random moment.

        Returns all processes that came from the command.
        """
        process = self.start(gradebook, *options)
        seen: set[int] = set()
        while process.poll() is None and count_attempts(self.folder / gradebook) < attempts:
            seen |= descendants(process.pid)
            time.sleep(0.02)
        time.sleep(random.uniform(0, 0.3))
        seen |= descendants(process.pid)
        process.kill()
        process.communicate()
        return seen

    def survive(self, kills: int, say: Callable[[str], None] = print) -> None:
        """Kill the grader so often, finish, and compare with a run that nobody killed."""
        targets = sorted(random.sample(range(self.submissions), kills))
        seen: set[int] = set()
        for target in targets:
            seen |= self.kill_after("killed.db", target)
            say(f"killed with {count_attempts(self.folder / 'killed.db')} attempts kept")
        left = survivors(seen)
        assert not left, f"{len(left)} of {len(seen)} processes outlived the kills"
        say(f"none of {len(seen)} processes is left")
        self.finish("killed.db")
        self._compare("killed.db", say)

    def endure(self, every: float, say: Callable[[str], None] = print) -> None:
        """Kill a process of the command every so many seconds of one run, and compare."""
        process, family, kills, open_files, printed = self.start("endured.db"), Family(), 0, [], ""
        began, first = time.monotonic(), 0.0
        while process.poll() is None:
            with suppress(subprocess.TimeoutExpired):
                process.wait(every)
            below, graded = family.look(process.pid), count_attempts(self.folder / "endured.db")
            if kills % 20 == 10:
                say(f"{kills} kills, {graded} graded after {time.monotonic() - began:.0f} s")
            if below and graded:
                first = first or time.monotonic()
                with suppress(OSError):
                    open_files.append(len(os.listdir(f"/proc/{process.pid}/fd")))
                    os.kill(random.choice(sorted(below)), signal.SIGKILL)
                    kills += 1
        seconds, printed = time.monotonic() - began, process.communicate()[0]
        assert process.returncode == 0, printed
        assert "Traceback" not in printed, printed
        until = time.monotonic() + SECONDS_TO_GO
        while (left := family.look(process.pid)) and time.monotonic() < until:
            time.sleep(0.1)
        assert not left, f"{len(left)} of {family.number} processes are left"
        say(f"{kills} kills in {seconds:.0f} s, the first after {first - began:.0f} s")
        say(f"none of the {family.number} processes of the run is left")
        if open_files:
            least, last = min(open_files), open_files[-1]
            assert last <= least + FILES_OF_A_JOB * self.jobs, open_files
            say(f"the command has had {least} to {max(open_files)} files open, at last {last}")
        self._compare("endured.db", say)

    def _compare(self, gradebook: str, say: Callable[[str], None]) -> None:
        """Compare a gradebook with one of the same seed whose run nobody disturbed."""
        found = results(self.folder / gradebook)
        seeds = {attempt[0][1] for attempts in found.values() for attempt in attempts}
        assert len(seeds) == 1, f"{len(seeds)} seeds"
        assert {len(attempts) for attempts in found.values()} == {1}
        assert len(found) == self.submissions
        self.finish(f"whole_{gradebook}", "--seed", *seeds)
        assert found == results(self.folder / f"whole_{gradebook}")
        say(f"{len(found)} submissions, each graded once, as in a run that nobody killed")


class Family:
    """All processes that came from a command, also those whose own parent was killed.

    A process is known by its number and its start: its number may come again.
    """

    def __init__(self) -> None:
        self._seen: dict[int, str] = {}
        self.number = 0

    def look(self, command: int) -> set[int]:
        """Those that live now, without the command."""
        living = {pid for pid, start in self._seen.items() if start and _start(pid) == start}
        found = set(living)
        for one in (command, *living):
            found |= descendants(one)
        for pid in found - living:
            self._seen[pid] = _start(pid)
            self.number += 1
        return set(filter(_lives, found))


def count_attempts(path: Path) -> int:
    """How many attempts a gradebook holds, as another process sees it; 0 where there is none."""
    try:
        with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as database:
            return database.execute("SELECT count(*) FROM attempts").fetchone()[0]
    except sqlite3.OperationalError:
        return 0


def descendants(pid: int) -> set[int]:
    """All processes that come from `pid`, by the kernel's own tables."""
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with suppress(OSError):
                parents[int(entry.name)] = parent_of(int(entry.name))
    found = {pid}
    while more := {child for child, parent in parents.items() if parent in found} - found:
        found |= more
    return found - {pid}


def parent_of(pid: int) -> int:
    """The process that a process belongs to; `OSError` where it has gone."""
    return int(_state_and_parent(pid)[1])


def survivors(seen: set[int], seconds: float = SECONDS_TO_GO) -> set[int]:
    """Which of these processes still live after at most so many seconds (zombies do not)."""
    until = time.monotonic() + seconds
    while (alive := {pid for pid in seen if _lives(pid)}) and time.monotonic() < until:
        time.sleep(0.1)
    return alive


def _lives(pid: int) -> bool:
    try:
        return _state_and_parent(pid)[0] not in ("Z", "X")
    except OSError:
        return False


def _state_and_parent(pid: int) -> list[str]:
    return _about(pid)[:2]


def _start(pid: int) -> str:
    """When a process started; "" where it has gone."""
    try:
        return _about(pid)[19]
    except OSError:
        return ""


def _about(pid: int) -> list[str]:
    """The fields of proc(5)'s `stat` after the name, the state first."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def results(path: Path) -> dict[str, list[tuple[object, ...]]]:
    """What a gradebook says of each submission, without times: one list entry per attempt."""
    question = """
        SELECT attempts.submission, attempts.id, attempts.digest, runs.seed,
               exercise_results.name, check_results.name, outcome, message
        FROM attempts JOIN runs ON runs.id = attempts.run_id
        JOIN exercise_results ON exercise_results.attempt_id = attempts.id
        JOIN check_results ON check_results.exercise_result_id = exercise_results.id
        ORDER BY attempts.id, exercise_results.position, check_results.position"""
    found: dict[str, dict[int, list[object]]] = {}
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as database:
        for submission, attempt, *rest in database.execute(question):
            found.setdefault(submission, {}).setdefault(attempt, []).append(tuple(rest))
    return {name: list(map(tuple, attempts.values())) for name, attempts in found.items()}
