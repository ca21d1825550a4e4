"""A worker's connection to the process that owns a model's weights."""

from __future__ import annotations

import socket
from typing import Any

import torch

from autograder.models.errors import ModelError
from autograder.models.sharing import Shared
from autograder.serving.ground_truth import Measured
from autograder.wire.decode import decode
from autograder.wire.encode import encode
from autograder.wire.limits import receive


class ModelClient:
    """Asks the server of one model's weights; every call waits for its answer.

    `ModelError` where the model cannot be had, or where its server has ended; `RuntimeError` where
    it failed to answer. `server_failures` counts the latter: submissions may have taken what the
    server needed.
    """

    def __init__(self, address: str) -> None:
        self.server_failures = 0
        self._channel = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self._channel.connect(address)
        except OSError as error:
            raise _gone() from error

    def shared(self) -> Shared:
        """Where the weights are."""
        plain = self._ask("attach")
        _, files, _, _ = socket.recv_fds(self._channel, 1, 1)
        return Shared.from_plain(plain, files[0] if files else -1)

    def changes(self) -> int:
        """How often the weights were found changed so far."""
        return int(self._ask("changes"))

    def verify(self) -> int:
        """Have the weights looked at, and made again if need be; returns `changes`."""
        return self._look("verify")

    def secure(self) -> int:
        """As `verify`, when nobody is at the model; `ModelError` where they do not stay right."""
        return self._look("secure")

    def routers(self, assignment: str) -> dict[str, torch.Tensor]:
        """The names of a loaded model's routers, in order, with their weights [E, d]."""
        return dict(self._ask("routers", assignment))

    def measure(self, assignment: str, ids: torch.Tensor, mask: torch.Tensor) -> Measured:
        """What each router of the model decides for these tokens."""
        return [(logits, chosen) for logits, chosen in self._ask("measure", assignment, ids, mask)]

    def perform(self, assignment: str, exercise: str, call: bytes) -> bytes:
        """The reference's reply to a call, both in the wire format."""
        return bytes(self._ask("perform", assignment, exercise, call))

    def close(self) -> None:
        self._channel.close()

    def _look(self, kind: str) -> int:
        try:
            return int(self._ask(kind))
        except RuntimeError as error:
            raise ModelError(f"{error}. Start again: what is graded already is kept.") from error

    def _ask(self, kind: str, *arguments: Any) -> Any:
        try:
            self._channel.sendall(encode((kind, *arguments)))
            message = receive(self._channel)
        except OSError as error:
            raise _gone() from error
        if not message:
            raise _gone()
        outcome, answer = decode(message)
        if outcome == "model":
            raise ModelError(answer)
        if outcome != "done":
            self.server_failures += 1
            raise RuntimeError(f"The process that holds the model's weights failed ({answer})")
        return answer


def _gone() -> ModelError:
    return ModelError(
        "The process that holds the model's weights has ended (out of memory?). Start again: what "
        "is graded already is kept."
    )
