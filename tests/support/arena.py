"""Hostile submissions in the sandbox: run one, and look at what it gained and what is left of it.

Used by `tests/hostile` and by `benchmarks/attack_table.py`. The files in `tests/hostile/attacks/`
are run by nothing else, and never outside a sandbox.
"""

from __future__ import annotations

import ast
import contextlib
import ctypes
import functools
import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

import autograder
from autograder.authoring.course import assignment_names, load_assignment
from autograder.authoring.exercise import Exercise
from autograder.grading.fixtures import Fixtures
from autograder.grading.judge import judge_exercise
from autograder.records import ExerciseGrade
from autograder.sandbox.isolation import Sandbox
from autograder.sandbox.limits import Limits
from autograder.sandbox.session import SandboxSession, UnreadableSubmission
from autograder.sandbox.users import free_user
from autograder.session import Interrupted
from autograder.wire.encode import encode
from moe_lab.bench import Bench
from moelab_kit.calls import Call

HOSTILE = Path(__file__).resolve().parents[1] / "hostile"
LIMITS = Limits(call=1.5, total=6.0)
GRADING = Limits(call=2.0, total=20.0)
SETTLING_SECONDS = 10.0
VARIABLE = "MOELAB_BAIT"
LOSS = "compute_load_balancing_loss"
_PR_SET_CHILD_SUBREAPER = 36

HONEST = b'''
import gc, hashlib, os, signal, sys, tempfile
import torch

def honest(model, numbers):
    """What an honest submission sees of the world: the same values, whoever came before."""
    digest = hashlib.sha256()
    for name, parameter in model.named_parameters():
        digest.update(name.encode())
        digest.update(parameter.detach().contiguous().view(-1).view(torch.uint8).numpy().tobytes())
    with torch.no_grad():
        logits = model(input_ids=torch.arange(8)[None]).logits
    try:
        files = sorted(os.listdir(tempfile.gettempdir()))
    except OSError as error:
        files = [type(error).__name__]
    return {
        "model": digest.hexdigest(),
        "logits": logits,
        "softmax": torch.softmax(numbers, dim=-1),
        "random": torch.rand(4),
        "state": [
            str(torch.get_default_dtype()),
            str(torch.get_default_device()),
            torch.get_num_threads(),
            torch.are_deterministic_algorithms_enabled(),
            torch.is_grad_enabled(),
            sys.getrecursionlimit(),
            gc.isenabled(),
            int(sys.version.startswith("3.")) + len([1, 2, 3]),
            [str(signal.getsignal(number)) for number in (2, 13, 14, 15)],
        ],
        "modules": sorted(sys.modules),
        "environment": sorted(os.environ.items()),
        "files": files,
    }
'''

HONEST_LOSS = b"""
import torch

def compute_load_balancing_loss(router_logits, top_k=2):
    tokens, experts = router_logits.shape
    if not 1 <= top_k <= experts or tokens == 0:
        raise ValueError("wrong arguments")
    mean = torch.softmax(router_logits.float(), dim=-1).mean(dim=0)
    return experts * mean.square().sum()
"""


@dataclass(frozen=True, slots=True)
class Attack:
    """A file of `attacks/` or `grading/`, with what its docstring declares."""

    name: str
    path: Path
    title: str
    tries: str
    success: str
    outcomes: frozenset[str] = frozenset()
    earns: str = ""
    exercise: str = LOSS


@dataclass(frozen=True, slots=True)
class Result:
    """How an attack ended, and all that it gained or left behind (empty: nothing)."""

    outcome: str
    detail: str
    gains: tuple[str, ...]
    seconds: float


def attacks(folder: str = "attacks") -> tuple[Attack, ...]:
    """Every attack of a folder, by name; nothing of it is executed."""
    return tuple(_declared(path) for path in sorted((HOSTILE / folder).glob("attack_*.py")))


def _declared(path: Path) -> Attack:
    text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    fields: dict[str, str] = {}
    for line in text.splitlines():
        key, colon, rest = line.partition(":")
        if colon and key in ("Tries", "Success", "Outcome", "Earns", "Exercise"):
            fields[key] = rest.strip()
        elif line.strip() and fields:
            last = list(fields)[-1]
            fields[last] += f" {line.strip()}"
    return Attack(
        path.stem.removeprefix("attack_"),
        path,
        text.partition("\n")[0],
        fields["Tries"],
        fields["Success"],
        frozenset(fields.get("Outcome", "").rstrip(".").split(" or ")),
        fields.get("Earns", "").rstrip("."),
        fields.get("Exercise", LOSS).rstrip("."),
    )


class Bait:
    """What attacks are after on the grader's side, with the truth about whether they got it."""

    def __init__(self) -> None:
        self._stack = contextlib.ExitStack()
        self.folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="bait-")))
        self.folder.chmod(0o755)
        self.marker = f"moelab-attack-{secrets.token_hex(4)}"
        self._secret = secrets.token_hex()
        self._file = self.folder / "other_submission.py"
        self._file.write_text(self._secret, encoding="ascii")
        self._file.chmod(0o666)
        self._times = os.stat(self._file)
        self._drop = self.folder / "drop"
        self._drop.mkdir()
        self._drop.chmod(0o777)
        self._listeners = [self._stack.enter_context(one) for one in self._listen()]
        self._victim = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(3600)"])
        self._stack.callback(self._end_victim)
        os.environ[VARIABLE] = self._secret
        self._stack.callback(os.environ.pop, VARIABLE, None)

    def targets(self, zygote: list[int]) -> dict[str, Any]:
        """What every attack is told: more than a student could know."""
        engine = Path(autograder.__file__).parent
        return {
            "secret": str(self._file),
            "folder": str(self._drop),
            "grader": os.getpid(),
            "victim": self.victim,
            "zygote": zygote,
            "port": self._listeners[0].getsockname()[1],
            "unix": str(self.folder / "socket"),
            "abstract": self.marker,
            "variable": VARIABLE,
            "engine": str(engine),
            "marker": self.marker,
        }

    @property
    def victim(self) -> int:
        """A process of the grader's user that must stay alive."""
        return self._victim.pid

    def touched(self, returned: str) -> Iterator[str]:
        """What an attack did to the bait, in sentences."""
        now = os.stat(self._file)
        if (now.st_mode, now.st_uid, now.st_mtime_ns, now.st_nlink, now.st_atime_ns) != (
            self._times.st_mode,
            self._times.st_uid,
            self._times.st_mtime_ns,
            self._times.st_nlink,
            self._times.st_atime_ns,
        ):
            yield "the other submission was touched"
        if self._secret in returned:
            yield "the secret came back"
        yield from (f"{path.name} was written" for path in self._drop.iterdir())
        if self._victim.poll() is not None:
            yield "another process was ended"
        for listener in self._listeners:
            with contextlib.suppress(BlockingIOError):
                listener.accept()
                yield "a connection was made"
        for folder in ("/tmp", "/var/tmp", "/dev/shm", "/dev/mqueue", os.path.expanduser("~")):
            with contextlib.suppress(OSError):
                yield from (f"{folder}/{n} is left" for n in os.listdir(folder) if self.marker in n)

    def close(self) -> None:
        """Take everything away."""
        self._stack.close()

    def _listen(self) -> Iterator[socket.socket]:
        addresses = (
            (socket.AF_INET, ("127.0.0.1", 0)),
            (socket.AF_UNIX, str(self.folder / "socket")),
            (socket.AF_UNIX, "\0" + self.marker),
        )
        for family, address in addresses:
            listener = socket.socket(family, socket.SOCK_STREAM)
            listener.bind(address)
            listener.listen()
            listener.setblocking(False)
            if isinstance(address, str) and address.startswith("/"):
                os.chmod(address, 0o777)
            yield listener

    def _end_victim(self) -> None:
        self._victim.send_signal(signal.SIGKILL)
        self._victim.wait()


class Arena:
    """One sandbox, the bait, and the world as an honest submission sees it before any attack.

    `seed` is that of the sandbox's bench, `worker` the number that it was started with.
    """

    def __init__(self, sandbox: Sandbox, seed: str, worker: int) -> None:
        torch.set_num_threads(1)
        adopt_orphans()
        self.sandbox = sandbox
        self._user = free_user(worker) if os.geteuid() == 0 else os.geteuid()
        self._stack = contextlib.ExitStack()
        self._temporary = self._stack.enter_context(tempfile.TemporaryDirectory(prefix="arena-"))
        os.chmod(self._temporary, 0o755)
        self.bench = Bench(seed)
        self.bait = Bait()
        self._numbers = torch.arange(6.0).reshape(2, 3)
        self._honest = self.honest()
        self._at_rest = self._surroundings()

    def honest(self) -> bytes:
        """The values that an honest submission gets, as a message."""
        session = self.session()
        try:
            session.read(HONEST, "honest.py")
            reply = session.perform(Call("honest", (self._model, self._numbers)), 30.0)
        finally:
            session.close()
        if reply.raised is not None:
            raise RuntimeError(f"the honest submission raised {reply.raised}")
        return encode(reply.value)

    def run(self, attack: Attack) -> Result:
        """Let an attack loose, then look at the grader, the machine and an honest submission."""
        started = time.monotonic()
        with self._own_temporary_folder():
            outcome, detail, gain = self._attempt(attack)
            seconds = time.monotonic() - started
            gains = [gain] if gain else []
            return Result(outcome, detail, (*gains, *self.harm(gain + detail)), seconds)

    def harm(self, returned: str = "") -> tuple[str, ...]:
        """What the submissions so far did to the bait, the machine and honest submissions."""
        harm = [*self.bait.touched(returned)]
        if self.honest() != self._honest:
            harm.append("an honest submission gets other values afterwards")
        return (*harm, *self._left())

    def grade(self, submission: bytes, name: str = LOSS) -> ExerciseGrade:
        """Judge one function of a submission, as in any run."""
        exercise, fixtures = _exercise(name)
        session = self.session(GRADING)
        try:
            session.read(submission, "submission.py")
            return judge_exercise(exercise, session, fixtures)
        finally:
            session.close()

    def session(self, limits: Limits = LIMITS) -> SandboxSession:
        """A new session in the arena's sandbox."""
        return SandboxSession(self.sandbox, self.bench, limits)

    def close(self) -> None:
        """Take the bait away."""
        self.bait.close()
        self._stack.close()

    @contextlib.contextmanager
    def _own_temporary_folder(self) -> Iterator[None]:
        """Let what the sandbox puts into the temporary folder be told from what others do."""
        before, tempfile.tempdir = tempfile.tempdir, self._temporary
        try:
            yield
        finally:
            tempfile.tempdir = before

    @property
    def _model(self) -> torch.nn.Module:
        return self.bench.model("mixtral")

    @property
    def _zygote(self) -> list[int]:
        return sorted(descendants(os.getpid()) - {self.bait.victim})

    def _attempt(self, attack: Attack) -> tuple[str, str, str]:
        session = self.session()
        call = Call("attack", (self.bait.targets(self._zygote), self._model))
        try:
            session.read(attack.path.read_bytes(), attack.path.name)
            reply = session.perform(call)
        except Interrupted as interrupted:
            return interrupted.outcome.value, str(interrupted), ""
        except UnreadableSubmission as unreadable:
            return "unreadable", str(unreadable), ""
        finally:
            session.close()
        if reply.raised is not None:
            return "error", f"{reply.raised.type_name}: {reply.raised.message}", ""
        if isinstance(reply.value, str):
            return "refused", "", reply.value
        return "answered", "; ".join(session.notes), ""

    def _left(self) -> Iterator[str]:
        """What is in the surroundings that was not there at rest; given some time to go."""
        deadline = time.monotonic() + SETTLING_SECONDS
        while (left := [*self._more()]) and time.monotonic() < deadline:
            time.sleep(0.02)
        yield from left

    def _more(self) -> Iterator[str]:
        now = self._surroundings()
        for kind, before in self._at_rest.items():
            yield from (f"{kind} {one} is left" for one in sorted(now[kind] - before))

    def _surroundings(self) -> dict[str, set[str]]:
        shared = set()
        user = str(self._user)
        for kind in ("shm", "sem", "msg"):
            with contextlib.suppress(OSError):
                rows = Path(f"/proc/sysvipc/{kind}").read_text(encoding="ascii").splitlines()
                shared |= {f"{kind} {row.split()[1]}" for row in rows if user in row.split()}
        return {
            "process": set(map(str, descendants(os.getpid()))),
            "descriptor": set(os.listdir("/proc/self/fd")) - {str(_listing_descriptor())},
            "temporary file": set(os.listdir(self._temporary)),
            "shared memory": shared,
        }


@functools.cache
def _exercise(name: str) -> tuple[Exercise, Fixtures]:
    labs = map(load_assignment, assignment_names())
    lab = next(lab for lab in labs if any(one.name == name for one in lab.exercises))
    return lab.exercise(name), Fixtures(lab.name, "a run's secret seed")


def _listing_descriptor() -> int:
    """The number that the next opened file gets: the one with which descriptors are listed."""
    descriptor = os.open("/dev/null", os.O_RDONLY)
    os.close(descriptor)
    return descriptor


def adopt_orphans() -> None:
    """Become the parent of every descendant whose own parent ends: none can hide behind init."""
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def descendants(root: int) -> set[int]:
    """Every living process below this one, in whatever namespace."""
    children: dict[int, list[int]] = {}
    for process in filter(str.isdecimal, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            fields = Path(f"/proc/{process}/stat").read_text(errors="replace").rpartition(")")[2]
            state, parent = fields.split()[:2]
            if state not in "ZX":
                children.setdefault(int(parent), []).append(int(process))
    found: set[int] = set()
    waiting = [root]
    while waiting:
        below = children.get(waiting.pop(), [])
        found.update(below)
        waiting += below
    return found
