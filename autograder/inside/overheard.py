"""What a student's function prints while it is called, and where an exception came from."""

from __future__ import annotations

import functools
import io
import sys
import traceback
from collections.abc import Callable
from typing import Any, TextIO

MOST_PRINTED = 20_000  # characters that are kept of the prints, the first ones
MOST_FRAMES = 20


class _Bounded(io.StringIO):
    """Keeps the first characters that are written, and forgets the rest."""

    def write(self, text: str) -> int:
        room = MOST_PRINTED - self.tell()
        if room > 0:
            super().write(text[:room])
        return len(text)


class Overheard:
    """Takes the place of standard output and error; use it as a context manager.

    `printed` and `traceback` are bytes in UTF-8, so that they may be long on the wire.
    """

    def __init__(self) -> None:
        self._said = _Bounded()
        self._streams: tuple[TextIO, TextIO] | None = None
        self.traceback = b""

    @property
    def printed(self) -> bytes:
        """What was printed so far."""
        return self._said.getvalue().encode("utf-8", "replace")

    def __enter__(self) -> Overheard:
        self._streams = (sys.stdout, sys.stderr)
        sys.stdout = sys.stderr = self._said
        return self

    def __exit__(self, *error: object) -> None:
        if self._streams is not None:
            sys.stdout, sys.stderr = self._streams

    def listening(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function, whose exceptions leave their traceback here."""

        @functools.wraps(function)
        def listened(*args: Any, **kwargs: Any) -> Any:
            try:
                return function(*args, **kwargs)
            except BaseException as error:
                self.traceback = _told(error)
                raise

        return listened


def _told(error: BaseException) -> bytes:
    """The traceback from the student's own function on: without this module's frame."""
    own = error.__traceback__.tb_next if error.__traceback__ else None
    try:
        lines = traceback.format_exception(type(error), error, own, limit=-MOST_FRAMES)
    except Exception:
        return b"(its traceback could not be read)"
    return "".join(lines)[-MOST_PRINTED:].encode("utf-8", "replace")
