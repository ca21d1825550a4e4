"""The errors of the sandbox: none of them is ever a submission's fault."""

from __future__ import annotations

import errno
import sys

_SHORTAGES = (
    errno.EAGAIN,
    errno.EDQUOT,
    errno.EMFILE,
    errno.ENFILE,
    errno.ENOBUFS,
    errno.ENOMEM,
    errno.ENOSPC,
    errno.ETOOMANYREFS,
)


class SandboxError(Exception):
    """The sandbox cannot be set up or has stopped, in one sentence."""


class ChildNotReadyError(SandboxError):
    """One child could not be set up; another one may be."""


class ShortageError(SandboxError):
    """The machine has no processes, descriptors, memory or temporary space left for now."""


def is_shortage(error: BaseException) -> bool:
    """Whether an error of the grader's own says that the machine has run out of something."""
    if isinstance(error, OSError):
        return error.errno in _SHORTAGES
    return isinstance(error, MemoryError)


def require_linux() -> None:
    """`SandboxError` where there is no Linux below us."""
    if sys.platform != "linux":
        raise SandboxError(
            "isolating submissions needs Linux: use a Linux machine, WSL 2 or a container"
        )


def as_sandbox_error(error: OSError, what: str) -> SandboxError:
    """The error of a system call of the grader's own, which was doing `what`."""
    kind = ShortageError if is_shortage(error) else SandboxError
    return kind(f"{what} failed: {error.strerror or error}")
