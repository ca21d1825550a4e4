"""A submission in the sandbox: read it, run its cells, call its functions, survive what it does.

After a crash, a time-out or a changed model the next call gets a new child, in which the cells have
run again, so that every remaining check still has its chance.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, replace
from typing import Any, Protocol

from autograder.records import Outcome
from autograder.sandbox.child import Child
from autograder.sandbox.clock import Alarm, SubmissionClock
from autograder.sandbox.limits import Limits
from autograder.session import CheckTooSlow, Interrupted
from autograder.text import clean_line
from autograder.wire.decode import decode
from autograder.wire.encode import encode
from autograder.wire.limits import MAX_MESSAGE, WireError
from autograder.wire.messages import Handles, decode_reply, encode_call
from autograder.wire.png import clean_png
from moelab_kit.calls import Call, Reply

MEMORY_ERRORS = frozenset({"MemoryError", "OutOfMemoryError", "_ArrayMemoryError"})
MEMORY_WORDS = ("can't allocate memory", "not enough memory", "out of memory", "bad_alloc")
SHORTAGE_WORDS = (  # of a machine, not of one submission
    "can't start new thread",
    "Resource temporarily unavailable",
    "Too many open files in system",
)
CUDA_ERROR = "CUDA error"
MAX_NOTES = 20
MAX_CELL_REPLY = 256 << 10  # bytes: an exception and a few notes


class Forks(Protocol):
    """What gives locked-down children: a zygote, or a sandbox that replaces it when needed."""

    def fork(self) -> Child: ...


class UnreadableSubmission(Exception):  # noqa: N818
    """No submission could be read from the file; the message says why."""


@dataclass(frozen=True, slots=True)
class Source:
    """A submission as plain text: its code cells in order."""

    cells: tuple[str, ...]
    kind: str
    assignment: str
    warnings: tuple[str, ...]
    doubt: str = ""  # which other file of an archive may have been meant

    def place(self, number: int) -> str:
        """A cell in words; they count from 1, and text cells do not count."""
        if self.kind == "script" and len(self.cells) == 1:
            return "the script"
        return f"code cell {number + 1}"


class SandboxSession:
    """One submission, executed out of reach: first `read`, then `perform` as often as needed.

    What ends the child only once, and could have come from outside (a kill, the sandbox's own end),
    is tried again. `doubtful` tells that a verdict may be others' work: a timeout while they had
    the processors, a second kill, a thread for which there was no room. `alarm` limits the
    grader's work on replies; see `SubmissionClock`.
    """

    def __init__(
        self, sandbox: Forks, bench: Handles | None, limits: Limits, alarm: Alarm = nullcontext
    ) -> None:
        self.notes: list[str] = []
        self.last_call: Call | None = None
        self._sandbox = sandbox
        self._bench = bench
        self._limits = limits
        self._clock = SubmissionClock(limits.total, alarm)
        self.doubtful = False
        self._source: Source | None = None
        self._files: dict[str, bytes] = {}  # what lies beside the submission
        self._spoiled: set[int] = set()  # cells that ended or hung the process: not run again
        self._doubted: set[int] = set()  # cells whose process was ended once, perhaps by others
        self._failed: dict[int, str] = {}  # cells that did not run to their end, and why
        self._child: Child | None = None
        self._ready = False  # whether the cells have run in the present child
        self._used = 0.0  # processor time of the last request

    def read(
        self,
        data: bytes,
        name: str,
        *,
        companions: Mapping[str, bytes] | None = None,
        wanted: Collection[str] = (),
    ) -> Source:
        """Parse the file's bytes in the sandbox; `UnreadableSubmission` where that cannot be.

        `companions` are files that came with it, by their paths in its folder, where its cells find
        them; `wanted` are the functions by which the file that is meant is found in an archive.
        """
        request = encode((data, name, tuple(wanted)))
        try:
            message = self._unless_once(lambda: self._request("read", request, self._limits.call))
            reply = self._decoded(message)
        except Interrupted as interrupted:
            raise UnreadableSubmission(
                f"reading the file failed in the sandbox: {interrupted}"
            ) from interrupted
        except WireError as error:
            raise UnreadableSubmission(f"the file holds too much: {error}") from error
        except CheckTooSlow as error:
            raise UnreadableSubmission("the file holds too much: reading it takes long") from error
        match reply:
            case (
                "source",
                tuple(cells),
                str(kind),
                str(assignment),
                tuple(warnings),
                str(doubt),
                tuple(packed),
            ):
                texts = tuple(_text(cell) for cell in cells)
                said = tuple(map(_text, warnings))
                self._files = {**(companions or {}), **_files(packed)}
                self._source = Source(texts, kind, assignment, said, clean_line(doubt, 500))
                return self._source
            case ("unreadable", str(reason)):
                raise UnreadableSubmission(clean_line(reason, 500))
        raise UnreadableSubmission("reading the file gave no usable answer")

    def functions(self, wanted: Collection[str]) -> dict[str, str]:
        """The submission's code of these functions, as far as it can be told; "" is left out.

        To be asked before anything of the submission runs: later it could answer what it likes.
        """
        if self._source is None or not wanted:
            return {}
        modules = (data for name, data in self._files.items() if name.endswith(".py"))
        cells = tuple(cell.encode("utf-8", "replace") for cell in self._source.cells)
        try:
            request = encode((cells, tuple(modules), tuple(wanted)))
            reply = self._decoded(self._request("functions", request, self._limits.call))
        except (Interrupted, WireError, CheckTooSlow):
            self.close()
            return {}
        found = reply if isinstance(reply, tuple) else ()
        pairs = [one for one in found if isinstance(one, tuple) and len(one) == 2]
        texts = {str(name): _text(code) for name, code in pairs}
        return {name: texts[name] for name in wanted if texts.get(name)}

    def perform(self, call: Call, time_limit: float | None = None) -> Reply:
        """Call a function of the submission; see `Session.perform`."""
        if self._bench is None:
            raise RuntimeError("functions are called on a bench, and this session has none")
        self.last_call = call
        seconds, bench = time_limit or self._limits.call, self._bench
        try:
            message = self._unless_once(lambda: self._called("call", call, bench, seconds))
        except Interrupted as interrupted:
            if interrupted.outcome is Outcome.MISSING:
                raise self._with_cause(call.function, interrupted) from interrupted
            raise
        try:
            with self._clock.reading():
                reply = decode_reply(message, call, self._bench)
                reply = replace(reply, processor_seconds=self._used)
        except WireError as error:
            self.close()
            raise Interrupted(Outcome.FAILED, f"the result could not be read: {error}") from error
        if reply.left_behind:
            self.close()  # later calls get models that nobody has touched
        if reply.raised is not None and _is_memory(reply.raised.type_name, reply.raised.message):
            self.close()
            raise Interrupted(Outcome.MEMORY, "it used more memory than the limit")
        self.doubtful |= reply.raised is not None and _is_shortage(reply.raised.message)
        if reply.raised is not None and CUDA_ERROR in reply.raised.message:
            self.close()  # after an error of a kernel, CUDA works no more in that process
        return reply

    def picture(self, call: Call) -> bytes:
        """What a call draws, as PNG of limited size; b"" where it draws nothing that can be shown.

        For a call that was made before, when everything has been judged: whatever goes wrong here
        concerns nothing but the picture.
        """
        if self._bench is None:
            raise RuntimeError("functions are called on a bench, and this session has none")
        try:
            message = self._called("picture", call, self._bench, self._limits.call)
            return clean_png(self._decoded(message))
        except (Interrupted, WireError, CheckTooSlow):
            return b""

    def close(self) -> None:
        """End the present child."""
        if self._child is not None:
            self._child.end()
        self._child, self._ready = None, False

    def _called(self, kind: str, call: Call, bench: Handles, seconds: float) -> bytearray:
        """The reply to a call in a child in which the cells have run."""
        if not self._ready:
            self._run_cells()
        return self._request(kind, encode_call(call, bench), seconds)

    def _unless_once(self, ask: Callable[[], bytearray]) -> bytearray:
        """The reply, asked for again where something outside could have ended the child."""
        try:
            return ask()
        except Interrupted as interrupted:
            if not interrupted.doubtful or interrupted.outcome is Outcome.TIMEOUT:
                raise
        try:
            return ask()
        except Interrupted as interrupted:
            self.doubtful |= interrupted.doubtful
            raise

    def _decoded(self, message: bytearray) -> Any:
        with self._clock.reading():
            return decode(message)

    def _run_cells(self) -> None:
        """Run the cells in order, from the start again whenever one of them ends the process."""
        if self._source is None:
            raise RuntimeError("read the submission first")
        while not self._ready:
            self._bring_files()
            self._ready = all(
                self._run_cell(number, self._source) for number in range(len(self._source.cells))
            )

    def _bring_files(self) -> None:
        """Lay the companions into the working folder of the present child."""
        if not self._files:
            return
        request = encode(tuple(self._files.items()))
        try:
            self._request("files", request, self._limits.call)
        except Interrupted as interrupted:
            if self._clock.left <= 0 or interrupted.doubtful:
                raise
            self._note(f"the files beside the submission were left out: {interrupted}")
            self._files = {}

    def _run_cell(self, number: int, source: Source) -> bool:
        """Run one cell; False when the process has ended and all must be run again."""
        if number in self._spoiled or not source.cells[number].strip():
            return True
        request = encode((source.cells[number].encode("utf-8", "replace"), source.kind))
        try:
            reply = self._decoded(self._request("cell", request, self._limits.call, MAX_CELL_REPLY))
        except Interrupted as interrupted:
            if self._clock.left <= 0:
                raise
            ended = interrupted.doubtful and interrupted.outcome is not Outcome.TIMEOUT
            if ended and number not in self._doubted:
                self._doubted.add(number)
            else:
                self.doubtful |= ended
                self._leave_out(number, str(interrupted))
            return False
        except (WireError, CheckTooSlow) as broken:
            self.close()
            self._leave_out(number, f"its reply could not be read ({broken})")
            return False
        raised, left_out = reply if isinstance(reply, tuple) and len(reply) == 2 else (None, ())
        match raised:
            case (str(name), str(message), line):
                self.doubtful |= _is_shortage(message)
                where = f", line {line}" if isinstance(line, int) and line else ""
                self._failed[number] = f"raised {name}: {message}" if message else f"raised {name}"
                self._note(f"{source.place(number)}{where} {self._failed[number]}")
        for note in left_out[:MAX_NOTES] if isinstance(left_out, tuple) else ():
            if isinstance(note, str):
                self._note(f"{source.place(number)}: {note}")
        return True

    def _leave_out(self, number: int, reason: str) -> None:
        """Do not run a cell again, and say why."""
        self._spoiled.add(number)
        self._failed[number] = f"was left out: {reason}"
        if self._source is not None:
            self._note(f"{self._source.place(number)} was left out: {reason}")

    def _with_cause(self, function: str, missing: Interrupted) -> Interrupted:
        """Name the cell that should have defined a function and did not come to it."""
        defines = re.compile(rf"\b(?:def|class)\s+{re.escape(function)}\b")
        cells = self._source.cells if self._source is not None else ()
        holding = [number for number, cell in enumerate(cells) if defines.search(cell)]
        for number in holding:
            if self._source is not None and number in self._failed:
                why = self._failed[number]
                text = f"{missing}: {self._source.place(number)}, which should define it, {why}"
                return Interrupted(missing.outcome, text)
        if holding and self._source is not None and ":" not in str(missing):
            place = self._source.place(holding[-1])
            text = (
                f"{missing}: {place} has `def {function}`, but under a condition or deleted later"
            )
            return Interrupted(missing.outcome, text)
        return missing

    def _request(
        self, kind: str, payload: bytes, seconds: float, most: int = MAX_MESSAGE
    ) -> bytearray:
        self._clock.require()
        if self._child is None or not self._child.alive:
            self._child, self._ready = self._sandbox.fork(), False
        child = self._child
        try:
            with self._clock.running():
                return child.request(kind, payload, min(seconds, self._clock.left), most)
        except Interrupted as interrupted:
            self.doubtful |= interrupted.doubtful and interrupted.outcome is Outcome.TIMEOUT
            raise
        finally:
            self._clock.left += child.kept_waiting
            self._used = child.processor_seconds
            if self._child is not None and not self._child.alive:
                self._child, self._ready = None, False

    def _note(self, text: str) -> None:
        line = clean_line(text, 300)
        if line not in self.notes and len(self.notes) < MAX_NOTES:
            self.notes.append(line)


def _files(packed: tuple[object, ...]) -> dict[str, bytes]:
    """The files of a message, as far as they are some."""
    found: dict[str, bytes] = {}
    for one in packed:
        match one:
            case (str(name), bytes(data)):
                found[name] = data
    return found


def _text(plain: object) -> str:
    """A text of a message: bytes where it may be long."""
    return plain.decode("utf-8", "replace") if isinstance(plain, bytes) else str(plain)


def _is_shortage(message: str) -> bool:
    return any(words in message for words in SHORTAGE_WORDS)


def _is_memory(name: str, message: str) -> bool:
    return name in MEMORY_ERRORS or any(words in message for words in MEMORY_WORDS)
