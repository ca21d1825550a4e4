"""Calling functions in this process: for trusted code (references, wheats, chaffs) and for a
student's own notebook on their own machine. Never for a stranger's submission.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch

from autograder.lab.bench import Bench
from autograder.lab.calls import Call, Reply, perform
from autograder.lab.model_state import KnownStates
from autograder.records import Outcome
from autograder.session import Interrupted
from autograder.wire.messages import decode_call, decode_reply, encode_call, encode_reply


class LocalSession:
    """Functions by name; arguments and results pass through the wire format as in the sandbox.

    `checks` is the bench that checks use; the functions get objects of a second bench of the same
    seed, which is replaced when a function has changed one of its models.
    """

    def __init__(self, functions: Mapping[str, Any], checks: Bench) -> None:
        self._functions = functions
        self._checks = checks
        self._own, self._known = Bench(checks.seed), KnownStates()

    def perform(self, call: Call, time_limit: float | None = None) -> Reply:
        function = callable_of(self._functions.get(call.function), call.function)
        received = decode_call(encode_call(call, self._checks), self._own)
        reply = perform(function, received, self._known)
        message = encode_reply(reply, received, self._own)
        if reply.left_behind:
            self._own, self._known = Bench(self._checks.seed), KnownStates()
        return decode_reply(message, call, self._checks)


def callable_of(found: Any, name: str) -> Callable[..., Any]:
    """The function of this name; `Interrupted` as missing where it is not defined or callable."""
    if found is None:
        raise Interrupted(Outcome.MISSING, f"the submission defines no function {name}")
    if not callable(found):
        raise Interrupted(Outcome.MISSING, f"{name} is not a function")
    result: Callable[..., Any] = found
    return result


@contextmanager
def one_thread() -> Iterator[None]:
    """Torch in one thread: the same sums everywhere, and processor time is time."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
