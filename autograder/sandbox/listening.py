"""A submission whose functions are overheard: what they print, and where they raise."""

from __future__ import annotations

from autograder.sandbox.session import SandboxSession
from autograder.text import clean_text
from autograder.wire.messages import Handles
from moelab_kit.calls import Call

LONGEST = 8_000  # characters of the prints, and of a traceback


class ListeningSession(SandboxSession):
    """Performs calls as its base does, and keeps what is said meanwhile until it is `heard`."""

    _said = ""
    _traceback = ""

    def heard(self) -> tuple[str, str]:
        """What was printed since this was last asked, and the traceback of the newest exception."""
        heard = (clean_text(self._said, LONGEST), self._traceback)
        self._said = self._traceback = ""
        return heard

    def _called(self, kind: str, call: Call, bench: Handles, seconds: float) -> bytearray:
        if kind != "call":
            return super()._called(kind, call, bench, seconds)
        reply = super()._called("overhear", call, bench, seconds)
        match self._decoded(self._request("heard", b"", seconds)):
            case (bytes(printed), bytes(traceback)):
                if len(self._said) < LONGEST:
                    self._said += printed.decode("utf-8", "replace")
                if traceback:
                    self._traceback = clean_text(traceback.decode("utf-8", "replace"), LONGEST)
        return reply
