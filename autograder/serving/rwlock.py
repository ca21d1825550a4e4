"""A readers–writer lock on a shared model: many workers side by side, or one alone.

Two files and the kernel's locks on them, which end with the process that holds them. A worker that
wants the model alone keeps the door locked, so that no other comes in while the rest finish.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager


class ReadersWriterLock:
    """The lock on the model of one device; `folder` is the same for all that share it."""

    def __init__(self, folder: str) -> None:
        self._door = os.open(os.path.join(folder, "door"), os.O_RDWR | os.O_CREAT, 0o600)
        self._room = os.open(os.path.join(folder, "room"), os.O_RDWR | os.O_CREAT, 0o600)

    @contextmanager
    def shared(self) -> Iterator[None]:
        """Side by side with others."""
        with _locked(self._door, fcntl.LOCK_EX):
            fcntl.flock(self._room, fcntl.LOCK_SH)
        try:
            yield
        finally:
            fcntl.flock(self._room, fcntl.LOCK_UN)

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """With nobody else at the model, once those who are there have finished."""
        with _locked(self._door, fcntl.LOCK_EX), _locked(self._room, fcntl.LOCK_EX):
            yield


@contextmanager
def _locked(file: int, how: int) -> Iterator[None]:
    fcntl.flock(file, how)
    try:
        yield
    finally:
        fcntl.flock(file, fcntl.LOCK_UN)
