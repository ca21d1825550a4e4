"""What grading needs of a place where a submission's functions can be called."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from autograder.records import Outcome

if TYPE_CHECKING:  # whoever starts a run imports this, and needs no torch
    from moelab_kit.calls import Call, Reply


class Interrupted(Exception):  # noqa: N818 - an outcome, not an error of ours
    """A call gave no reply: out of time or memory, the process ended, or there is no function."""

    def __init__(self, outcome: Outcome, message: str, *, doubtful: bool = False) -> None:
        """`doubtful`: something outside the submission could have brought it about, once."""
        super().__init__(message)
        self.outcome = outcome
        self.doubtful = doubtful


class CheckTooSlow(BaseException):
    """The grader has used up its processor time; no `except Exception` may swallow that."""


class Session(Protocol):
    """A submission that has been executed and whose functions can be called by name."""

    def perform(self, call: Call, time_limit: float | None = None) -> Reply:
        """Call a function; `time_limit` in seconds replaces the run's limit for this call.

        Raises `Interrupted` where no reply comes back.
        """
        ...
