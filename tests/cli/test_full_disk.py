"""The disk is full while grading, or when reports are written: a sentence, and nothing is lost."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from interrupting import Ordeal, results

SUBMISSIONS = 12
FULL = "moelab: the gradebook disk/g.db cannot grow: the disk is full. Make room and start again."
UNSHARE = ("unshare", "--mount", "--propagation", "private")


def may_mount() -> bool:
    """Whether this process may mount a disk that nobody else sees."""
    if os.geteuid() != 0 or not all(map(shutil.which, ("unshare", "nsenter", "mount"))):
        return False
    command = [*UNSHARE, "mount", "-t", "tmpfs", "tmpfs", "/mnt"]
    return subprocess.run(command, capture_output=True).returncode == 0


pytestmark = [
    pytest.mark.slow,
    pytest.mark.sandbox,
    pytest.mark.skipif(not may_mount(), reason="only root with CAP_SYS_ADMIN can mount a disk"),
]


class SmallDisk:
    """A disk of 1 MB in memory, mounted at `disk` in a folder, in a process's mount namespace."""

    def __init__(self, pid: int, folder: Path) -> None:
        self._folder = folder
        self.within = ("nsenter", f"--target={pid}", "--mount", "env", f"--chdir={folder}")
        self.seen = Path(f"/proc/{pid}/root{folder}/disk")  # from outside of the namespace
        mount = ("mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", "disk")
        subprocess.run([*self.within, *mount], check=True)

    def fill(self) -> None:
        """Leave no page free."""
        with (self.seen / "dear").open("ab", buffering=0) as file, suppress(OSError):
            while True:
                file.write(bytes(4096))

    def copy_of(self, name: str) -> Path:
        """A copy of a database: SQLite itself follows no path into another namespace."""
        for file in self.seen.glob(f"{name}*"):
            shutil.copy(file, self._folder)
        return self._folder / name

    def make_room(self) -> None:
        (self.seen / "dear").unlink()


@contextmanager
def small_disk(folder: Path) -> Iterator[SmallDisk]:
    (folder / "disk").mkdir()
    keeper = subprocess.Popen(
        [*UNSHARE, "sh", "-c", "echo; exec sleep 600"], stdout=subprocess.PIPE
    )
    try:
        assert keeper.stdout is not None
        keeper.stdout.readline()
        yield SmallDisk(keeper.pid, folder)
    finally:
        keeper.kill()
        keeper.communicate()


@pytest.fixture
def ordeal(tmp_path: Path) -> Ordeal:
    ordeal = Ordeal(tmp_path, SUBMISSIONS)
    ordeal.prepare()
    return ordeal


def told(process: subprocess.Popen[str]) -> str:
    """What a command that cannot go on says in the end."""
    printed = process.communicate()[0]
    assert process.returncode == 2, printed
    assert "Traceback" not in printed
    return printed.splitlines()[-1]


def test_grading_stops_with_a_sentence_and_goes_on_when_there_is_room(ordeal: Ordeal):
    with small_disk(ordeal.folder) as disk:
        ordeal.within = disk.within
        disk.fill()
        assert told(ordeal.start("disk/g.db")) == FULL
        disk.make_room()

        process, sizes = ordeal.start("disk/g.db"), set()
        while process.poll() is None:
            sizes.add((disk.seen / "g.db").stat().st_size)
            if len(sizes - {0}) > 1:  # the tables are made, and it grows
                disk.fill()  # again and again: a log that is done with makes room
            time.sleep(0.01)
        assert told(process) == FULL
        kept = results(disk.copy_of("g.db"))
        assert 0 < len(kept) < SUBMISSIONS

        disk.make_room()
        ordeal.finish("disk/g.db")
        found = results(disk.copy_of("g.db"))
        assert [len(attempts) for attempts in found.values()] == [1] * SUBMISSIONS
        assert len({attempts[0][0][1] for attempts in found.values()}) == 1
        assert kept.items() <= found.items()


def test_reports_that_do_not_fit_leave_nothing_behind_and_say_where_the_grades_are(
    ordeal: Ordeal,
):
    outputs = ("--csv=disk/a.csv", "--html=disk/report", "--feedback=disk/feedback")
    with small_disk(ordeal.folder) as disk:
        ordeal.within = disk.within
        disk.fill()
        assert told(ordeal.start("g.db", "--csv", "disk/a.csv")) == (
            "moelab: disk/a.csv cannot be written: No space left on device. "
            "The grades are in g.db: mend that and start again."
        )
        for output in outputs:
            said = told(ordeal.moelab("report", "g.db", output))
            assert said.endswith("The grades are in g.db: mend that and start again.")
        assert [path.name for path in disk.seen.rglob("*") if path.is_file()] == ["dear"]

        disk.make_room()
        process = ordeal.moelab("report", "g.db", *outputs)
        assert f"{SUBMISSIONS} submissions" in process.communicate()[0]
        assert process.returncode == 0
        assert (disk.seen / "a.csv").is_file()
        assert len([*disk.seen.glob("feedback/*/feedback.html")]) == SUBMISSIONS
