"""Isolation levels: start the sandbox at the best one there is, and prove that it holds.

`namespaces` hides everything but libraries; `landlock` forbids opening it; `none` isolates nothing
and is never chosen unless asked for. A level whose set-up or self-test fails is not used.
"""

from __future__ import annotations

import os
import secrets
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from autograder.courses import name_of, packages_of
from autograder.inside.spec import USERS, ZygoteSettings
from autograder.sandbox.cgroups import Group, NoGroup
from autograder.sandbox.child import Child
from autograder.sandbox.diagnosis import cause_of, look
from autograder.sandbox.equipment import Equipment
from autograder.sandbox.errors import (
    ChildNotReadyError,
    SandboxError,
    ShortageError,
    as_sandbox_error,
    require_linux,
)
from autograder.sandbox.limits import BUFFER_BYTES, LEVELS, Limits
from autograder.sandbox.paths import library_paths, secret_paths
from autograder.sandbox.users import free_users
from autograder.sandbox.zygote import ZygoteClient
from autograder.wire.decode import decode
from autograder.wire.encode import encode

ATTEMPTS = 5  # in 10 seconds, when a child cannot be set up: the machine may be full for a moment
ATTEMPTS_ON_GPU = 10  # in 45 seconds: neighbours may have taken the GPU's memory for a while
NO_EQUIPMENT = Equipment()
SELF_TEST_SECONDS = 60.0
_CANARY = "MOELAB_CANARY"  # a variable of the grader's environment that nobody inside may see


@dataclass(frozen=True, slots=True)
class LevelReport:
    """Whether a level works on this machine, and if not, why not."""

    level: str
    works: bool
    reason: str = ""


def acceptable_levels(lowest: str) -> tuple[str, ...]:
    """The levels to try, best first, when `lowest` is the lowest acceptable one (or `auto`)."""
    if lowest == "none":
        return ("none",)
    if lowest == "auto":
        return ("namespaces", "landlock")
    if lowest not in LEVELS:
        raise ValueError(f"{lowest!r} is no isolation level; there is auto, {', '.join(LEVELS)}")
    return LEVELS[: LEVELS.index(lowest) + 1]


class Sandbox:
    """A zygote at the first of `levels` that passes its self-test, replaced when it stops.

    With a GPU, one child is always prepared ahead of the submission that it will hold.
    `hidden` are the caller's own files (submissions, gradebook), `worker` tells the processes of
    one run apart. Raises `SandboxError` with the reason of every level that was tried.
    """

    def __init__(
        self,
        levels: tuple[str, ...],
        bench_seed: str,
        limits: Limits,
        *,
        course: str = "reference",
        hidden: tuple[Path, ...] = (),
        worker: int = 0,
        equipment: Equipment = NO_EQUIPMENT,
    ) -> None:
        require_linux()
        self._open = partial(_open, bench_seed, limits, course, hidden, worker, equipment)
        self._ahead = bool(equipment.gpus)  # CUDA takes a second to start
        self._next: Child | None = None
        self._zygote = self._best(levels)

    @property
    def level(self) -> str:
        """The isolation level that is in force."""
        return self._zygote.settings.isolation

    def fork(self) -> Child:
        """A locked-down child. A zygote that has stopped is replaced, at the same level.

        A child that cannot start is no submission's fault: it is tried again for a while, and then
        `SandboxError` says why, and whoever waits for it is graded by another worker.
        """
        attempts, stopped = ATTEMPTS_ON_GPU if self._ahead else ATTEMPTS, False
        for attempt in range(attempts):
            try:
                if stopped:
                    self._replace()
                return self._ready_child()
            except SandboxError as error:
                if attempt + 1 == attempts:
                    raise
                full = isinstance(error, ShortageError | ChildNotReadyError) and not stopped
                stopped = not full
            time.sleep(attempt)
        raise AssertionError("the last attempt returns or raises")

    def _ready_child(self) -> Child:
        """The child that was prepared ahead, or a new one; the next one starts to prepare."""
        child, self._next = self._next or self._zygote.begin(), None
        child.await_ready()
        if self._ahead:
            self._next = self._zygote.begin()
        return child

    def _replace(self) -> None:
        self._next = None  # it ends with its zygote
        self._zygote.close()
        self._zygote = self._best((self.level,))

    def close(self) -> None:
        """End the zygote and its children."""
        self._zygote.close()

    def _best(self, levels: tuple[str, ...]) -> ZygoteClient:
        reasons = []
        for level in levels:
            try:
                return self._open(level)
            except ShortageError:
                raise  # another level would find no more room
            except SandboxError as error:
                cause = cause_of(level, look())
                reasons.append(f"{level}: {cause.why if cause else error}")
        raise SandboxError(
            "submissions cannot be isolated on this machine, so nothing was graded. "
            + "; ".join(reasons)
            + ". `moelab doctor` says what is missing"
        )


def probe(limits: Limits | None = None) -> list[LevelReport]:
    """Try the isolating levels one by one, for `moelab doctor`."""
    reports = []
    for level in ("namespaces", "landlock"):
        try:
            settings = ("doctor", limits or Limits(), "reference", (), 0, NO_EQUIPMENT)
            _open(*settings, level).close()
            reports.append(LevelReport(level, works=True))
        except SandboxError as error:
            reports.append(LevelReport(level, works=False, reason=str(error)))
    return reports


def _open(
    bench_seed: str,
    limits: Limits,
    course: str,
    hidden: tuple[Path, ...],
    worker: int,
    equipment: Equipment,
    level: str,
) -> ZygoteClient:
    if level == "landlock" and equipment.gpus:
        raise SandboxError("it leaves CUDA without the files of /proc that it needs")
    with _scratch() as scratch, _canary_in_environment():
        settings = ZygoteSettings(
            isolation=level,
            bench_seed=bench_seed,
            libraries=library_paths(equipment.libraries),
            secrets=secret_paths(course, hidden),
            scratch=scratch,
            memory=limits.memory,
            seconds=(int(limits.total) + 60) * (os.cpu_count() or 1),
            users=_users(worker, equipment),
            threads=limits.threads,
            environment=equipment.environment,
            models=equipment.announced(scratch),
            gpu=equipment.access,
            tiny_on_gpu=equipment.tiny_on_gpu,
            packages=packages_of(course),
        )
        group = _group()
        zygote = ZygoteClient(settings, group, describe=equipment.describe)
        children = 2 if equipment.gpus else 1
        try:
            if group is not None:
                group.limit(children * limits.memory + BUFFER_BYTES)
            if level != "none":
                self_test(zygote, course, Path(scratch), limits)
        except OSError as error:
            zygote.close()
            raise as_sandbox_error(error, "setting up the sandbox") from error
        except SandboxError:
            zygote.close()
            raise
        return zygote


def _users(worker: int, equipment: Equipment) -> tuple[int, ...]:
    """The uids of a sandbox's children: as many as are there at once where they are root's."""
    if os.geteuid() != 0:
        return (os.geteuid(),)
    return free_users(worker, USERS if equipment.gpus else 1)


def _group() -> Group | None:
    """A control group for one sandbox; None where the machine gives none, which the run says."""
    try:
        return Group()
    except NoGroup:
        return None


@contextmanager
def _scratch() -> Iterator[str]:
    """A folder for the set-up of a sandbox; `SandboxError` where there is no room for one."""
    try:
        folder = tempfile.TemporaryDirectory(prefix="moelab-")
    except OSError as error:
        raise as_sandbox_error(error, "making a temporary folder") from error
    with folder as scratch:
        yield scratch


@contextmanager
def _canary_in_environment() -> Iterator[None]:
    os.environ[_CANARY] = secrets.token_hex()
    try:
        yield
    finally:
        del os.environ[_CANARY]


def self_test(zygote: ZygoteClient, course: str, scratch: Path, limits: Limits) -> None:
    """Let a child try what must be refused, and an honest computation, which must work.

    Raises `SandboxError` with what the child gained.
    """
    canary = scratch / "canary"
    canary.write_text(secrets.token_hex(), encoding="ascii")
    canary.chmod(0o644)
    lasting = scratch / "lasting"
    lasting.mkdir()
    lasting.chmod(0o777)
    targets = {
        "secret": str(canary),
        "engine": __file__,
        "module": name_of(course),
        "folder": str(lasting),
        "process": os.getpid(),
        "variable": _CANARY,
        "bytes": 2 * limits.memory,
    }
    child = zygote.fork()
    try:
        found = decode(child.request("probe", encode(targets), SELF_TEST_SECONDS))
    except SandboxError:
        raise
    except Exception as error:
        raise SandboxError(f"the self-test did not finish: {error}") from error
    finally:
        child.end()
    if not isinstance(found, dict) or found.pop("control", "") != "works":
        raise SandboxError("the self-test's honest computation does not work in the sandbox")
    gained = [f"{what} ({gain})" for what, gain in found.items() if gain]
    gained += [f"{path.name} is still there" for path in lasting.iterdir()]
    with suppress(OSError):
        lasting.rmdir()
    if gained:
        raise SandboxError(f"the self-test found no isolation from {'; '.join(gained)}")
