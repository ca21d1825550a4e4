"""What a submission gets instead of programs: `os.system` and `subprocess` that start nothing.

The sandbox refuses new processes anyway; this lets the rest of a cell run, as after `!command`.
"""

from __future__ import annotations

import io
import os
import subprocess
from collections.abc import Callable, Sequence
from typing import Any

FAILED = 1  # the exit code of every command, but of installs: what the course needs is here


class NoProgram(subprocess.Popen[Any]):
    """A process that ended before it began, without output."""

    def __init__(self, args: Any, *positional: Any, **options: Any) -> None:
        self.args = args
        words = args.split() if isinstance(args, str) else _words(args)
        self.returncode = 0 if "install" in words else FAILED
        text = ("text", "universal_newlines", "encoding", "errors")
        self._nothing: Any = "" if any(map(options.get, text)) else b""
        self.stdin, self.stdout, self.stderr = (
            self._stream() if options.get(name) == subprocess.PIPE else None
            for name in ("stdin", "stdout", "stderr")
        )

    def communicate(self, input: Any = None, timeout: float | None = None) -> tuple[Any, Any]:
        """Nothing came out."""
        return (
            None if self.stdout is None else self._nothing,
            None if self.stderr is None else self._nothing,
        )

    def _stream(self) -> Any:
        return io.StringIO() if self._nothing == "" else io.BytesIO()


def refusing_system(note: Callable[[str], None]) -> Callable[[Any], int]:
    """An `os.system` that starts nothing and says so."""

    def system(command: Any) -> int:
        note(refusal(command))
        return FAILED

    return system


def refusing_popen(note: Callable[[str], None]) -> type[NoProgram]:
    """A `subprocess.Popen` that starts nothing and says so."""

    class Popen(NoProgram):
        def __init__(self, args: Any, *positional: Any, **options: Any) -> None:
            super().__init__(args, *positional, **options)
            note(refusal(args))

    return Popen


def refuse_to_start(process: Any) -> None:
    """A `Process.start` of multiprocessing that says why there is none, and what does without."""
    raise PermissionError(
        "no processes are started here; threads work, and so does num_workers=0 in a data loader"
    )


def refusal(command: Any) -> str:
    """The sentence on a command that was left out."""
    shown = command if isinstance(command, str) else " ".join(_words(command))
    return f"the shell command {shown[:80]!r} was left out: no programs are started here"


def _words(args: Any) -> Sequence[str]:
    if isinstance(args, str | bytes | os.PathLike):
        return [os.fsdecode(args)]
    return [os.fsdecode(word) for word in args]
