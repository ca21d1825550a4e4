"""The batch promise: one hostile submission among twenty honest ones hurts none of them.

A class of the toy course is graded by the worker processes of any run, once without and then with
each hostile file. Used by `tests/hostile` and by `benchmarks/batch_promise.py`.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from string import Template

from arena import Bait, adopt_orphans, attacks, descendants

from autograder.grading.batch import Grading
from autograder.grading.settings import Settings
from autograder.records import ExerciseGrade, Grade, Outcome
from autograder.sandbox.limits import Limits
from autograder.submission.discover import find_submissions

LIMITS = Limits(call=1.5, total=5.0, memory=384 << 20)
SEED = "the batch promise"
SETTLING_SECONDS = 20.0
STUDENTS = 20
ROOT = Path(__file__).resolve().parents[2]
TOY = ROOT / "tests" / "courses" / "toycourse"
DEMO = ROOT / "autograder" / "demo" / "hostile"
FUNCTIONS = ("expert_load", "busiest_expert", "load_gap")

_LOADS = (
    "counts = torch.bincount(indices.reshape(-1), minlength=num_experts)\n"
    "    return counts / counts.sum()",
    "flat = indices.flatten().tolist()\n"
    "    return torch.tensor([flat.count(e) / len(flat) for e in range(num_experts)])",
    "return torch.nn.functional.one_hot(indices, num_experts).float().mean((0, 1))",
    "counts = torch.bincount(indices.reshape(-1))\n    return counts / counts.sum()",
    "raise NotImplementedError",
)
_BUSIEST = (
    "if not len(load):\n        raise ValueError\n"
    "    return int((load == load.max()).nonzero().min())",
    "return int(load.argmax()) if len(load) else -1",
    "return min(e for e, share in enumerate(load.tolist()) if share == max(load.tolist()))",
    "return float(load.max())",
)


@dataclass(frozen=True, slots=True)
class Hostile:
    """One hostile file as a submission of the toy course."""

    name: str
    folder: str
    title: str
    code: str

    def submission(self, targets: dict[str, object]) -> str:
        """Its code, and what lets it loose."""
        return f"{self.code}\n\nTARGETS = {targets!r}\n{_LOOSE[self.folder](self)}"


@dataclass(frozen=True, slots=True)
class Batch:
    """How the hostile submission's checks ended, and what harm it did: nothing, as promised."""

    ended: str
    harm: tuple[str, ...]
    seconds: float


def hostile_files() -> tuple[Hostile, ...]:
    """Every attack of `tests/hostile` and of the demo."""
    found = [
        Hostile(one.name, folder, one.title, one.path.read_text(encoding="utf-8"))
        for folder in ("attacks", "grading")
        for one in attacks(folder)
    ]
    for path in sorted(DEMO.glob("*.txt")):
        text = path.read_text(encoding="utf-8")
        title = text.partition("# about: ")[2].partition("\n")[0]
        code = Template(text).safe_substitute(function=FUNCTIONS[0], names=repr(list(FUNCTIONS)))
        found.append(Hostile(path.stem, "demo", title, code))
    return tuple(found)


class Room:
    """A class and the processes that grade it, with the grades of the honest by themselves."""

    def __init__(self, level: str, jobs: int = 2, students: int = STUDENTS) -> None:
        adopt_orphans()
        self._stack = contextlib.ExitStack()
        self._temporary = self._stack.enter_context(_own_temporary_folder())
        self._folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="room-")))
        for number in range(students):
            path = self._folder / f"student_{number:02}.py"
            path.write_text(_honest(number), encoding="utf-8")
        self._hostile = f"student_{students // 2:02}_hostile"  # graded in their middle
        self._bait = Bait()
        self._stack.callback(self._bait.close)
        settings = Settings(
            seed=SEED,
            isolation=level,
            limits=LIMITS,
            course=self._stack.enter_context(_importable_course()),
            hidden=(str(self._folder),),
        )
        self._grading = self._stack.enter_context(Grading(settings, jobs))
        self.isolation = self._grading.isolation
        self.alone = self._graded()
        started = time.monotonic()
        self._graded()
        self.seconds_alone = time.monotonic() - started
        self._at_rest = self._surroundings()

    def run(self, hostile: Hostile) -> Batch:
        """Grade the class with a hostile submission in its middle, and look at what it did."""
        targets = self._bait.targets(sorted(descendants(os.getpid()) - {self._bait.victim}))
        path = self._folder / f"{self._hostile}.py"
        path.write_text(hostile.submission(targets), encoding="utf-8")
        started = time.monotonic()
        try:
            grades = self._graded()
        finally:
            path.unlink()
        seconds = time.monotonic() - started
        own = grades.pop(self._hostile)
        harm = [
            f"{student} got another grade"
            for student, grade in grades.items()
            if grade != self.alone[student]
        ]
        ends = {check.outcome for exercise in own.exercises for check in exercise.checks}
        if Outcome.GRADER_ERROR in ends:
            harm.append("it caused an error of the grader")
        words = "\n".join((*own.notes, *(c.message for e in own.exercises for c in e.checks)))
        harm += [*self._bait.touched(words), *self._left()]
        return Batch(", ".join(sorted(ends)), tuple(harm), seconds)

    def close(self) -> None:
        """End the processes."""
        self._stack.close()

    def _graded(self) -> dict[str, Grade]:
        found = find_submissions([self._folder])
        return {one.student: _timeless(one) for one in self._grading.run("toy", found)}

    def _left(self) -> Iterator[str]:
        deadline = time.monotonic() + SETTLING_SECONDS
        while (left := self._surroundings() - self._at_rest) and time.monotonic() < deadline:
            time.sleep(0.05)
        yield from (f"{number} × {what} is left" for what, number in left.items())

    def _surroundings(self) -> Counter[str]:
        """Processes, their descriptors and sockets, shared memory and temporary files, counted."""
        found: Counter[str] = Counter()
        processes = descendants(os.getpid()) - {self._bait.victim}
        for process in (os.getpid(), *processes):
            with contextlib.suppress(OSError):
                command = Path(f"/proc/{process}/cmdline").read_bytes().split(b"\0")
                inside = any(part.endswith(b"inside") for part in command)
                kind = "sandbox" if inside else "grader"
                found[f"process of the {kind}"] += 1
                found[f"descriptor of the {kind}"] += len(os.listdir(f"/proc/{process}/fd"))
        for kind in ("shm", "sem", "msg"):
            with contextlib.suppress(OSError):
                table = Path(f"/proc/sysvipc/{kind}").read_text(encoding="ascii").splitlines()
                owner = table[0].split().index("uid")
                uids = (int(row.split()[owner]) for row in table[1:])
                found[f"System V {kind}"] = sum(map(_could_be_of_a_submission, uids))
        for folder in (self._temporary, "/dev/shm", "/dev/mqueue"):
            with contextlib.suppress(OSError):
                found.update(filter(_is_foreign, (e.path for e in os.scandir(folder))))
        return found


def _could_be_of_a_submission(uid: int) -> bool:
    """Not another account's, as a database server's: submissions run as us, or as nobody known."""
    with contextlib.suppress(KeyError):
        return pwd.getpwuid(uid).pw_uid == os.geteuid()
    return True


@contextlib.contextmanager
def _own_temporary_folder() -> Iterator[str]:
    """Let what these workers put into the temporary folder be told from what others do."""
    with tempfile.TemporaryDirectory(prefix="batch-") as folder, contextlib.ExitStack() as stack:
        os.chmod(folder, 0o755)
        before = os.environ.get("TMPDIR")
        os.environ["TMPDIR"], tempfile.tempdir = folder, folder
        stack.callback(setattr, tempfile, "tempdir", None)
        stack.callback(_restore, "TMPDIR", before)
        yield folder


@contextlib.contextmanager
def _importable_course() -> Iterator[str]:
    """A copy of the toy course where this process and its workers can import it."""
    name = "toy_course_of_a_class"
    with tempfile.TemporaryDirectory(prefix="course-") as folder:
        skipped = shutil.ignore_patterns("__pycache__")
        shutil.copytree(TOY, Path(folder) / name, ignore=skipped)
        sys.path.insert(0, folder)
        try:
            yield name
        finally:
            sys.path.remove(folder)


def _restore(variable: str, value: str | None) -> None:
    os.environ.pop(variable, None)
    if value is not None:
        os.environ[variable] = value


def _is_foreign(path: str) -> bool:
    """Whether a file may be a submission's: not one of the locks that Python programs make."""
    with contextlib.suppress(OSError):
        owner = os.lstat(path).st_uid
        own_lock = owner == os.getuid() and "/sem." in path
        return _could_be_of_a_submission(owner) and not own_lock
    return False


def _honest(number: int) -> str:
    """One of the class's own answers: right in several styles, wrong, or missing."""
    gap = "load = expert_load(indices, num_experts)\n    return float(load.max() - load.min())"
    parts = [
        f"import torch\n\n# student {number}",
        f"def expert_load(indices, num_experts):\n    {_LOADS[number % len(_LOADS)]}",
        f"def busiest_expert(load):\n    {_BUSIEST[number % len(_BUSIEST)]}",
    ]
    if number % 7 != 6:
        parts.append(f"def load_gap(indices, num_experts):\n    {gap}")
    return "\n\n\n".join(parts) + "\n"


def _timeless(grade: Grade) -> Grade:
    exercises = tuple(
        ExerciseGrade(
            name=exercise.name,
            checks=tuple(replace(check, seconds=0.0) for check in exercise.checks),
        )
        for exercise in grade.exercises
    )
    return replace(grade, exercises=exercises)


def _loose_attack(_: Hostile) -> str:
    return (
        "from moe_lab import load_model\n\n\ndef expert_load(*args):\n"
        '    return attack(TARGETS, load_model("mixtral"))\n\n\n'
        "busiest_expert = load_gap = expert_load\n"
    )


def _loose_grading(hostile: Hostile) -> str:
    function = next(one for one in attacks("grading") if one.name == hostile.name).exercise
    return f"expert_load = busiest_expert = load_gap = {function}\n"


_LOOSE = {"attacks": _loose_attack, "grading": _loose_grading, "demo": lambda _: ""}
