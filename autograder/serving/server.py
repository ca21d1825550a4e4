"""The process that owns a model's weights: it loads them once and answers the grader's workers.

Trusted, and never connected to a submission: those get the memory alone. One request is served at
a time; several workers that ask for a look at the weights at once share one look.
"""

from __future__ import annotations

import selectors
import socket
from collections.abc import Callable, Iterable, Mapping
from threading import RLock
from typing import Any

from tqdm import tqdm

from autograder.models.errors import ModelError
from autograder.serving.weights import Weights
from autograder.wire.decode import decode
from autograder.wire.encode import encode
from autograder.wire.limits import WireError, receive

Answers = Mapping[str, Callable[..., Any]]


def serve(
    listener: socket.socket,
    load: Callable[[], Weights],
    more: Callable[[Weights], Answers],
) -> None:
    """Load a model, then answer whoever connects, until this process is ended.

    `more` are answers that need the course. A model that cannot be had is told to everybody.
    """
    tqdm.set_lock(RLock())  # the default one is a semaphore, which a killed process leaves behind
    try:
        weights = load()
        answers: Answers = {
            "changes": lambda: weights.changes,
            "verify": weights.verify,
            "secure": weights.secure,
            "attach": lambda: weights.shared.to_plain(),
            **more(weights),
        }
        file = weights.shared.file
    except ModelError as error:
        answers, file = _Failing(str(error)), -1
    _answer_all(listener, answers, file)


class _Failing(dict[str, Callable[..., Any]]):
    """Whatever is asked: the same sentence."""

    def __init__(self, sentence: str) -> None:
        self._sentence = sentence

    def __missing__(self, kind: str) -> Callable[..., Any]:
        def fail(*_: Any) -> Any:
            raise ModelError(self._sentence)

        return fail


def _answer_all(listener: socket.socket, answers: Answers, file: int) -> None:
    ready = selectors.DefaultSelector()
    ready.register(listener, selectors.EVENT_READ)
    while True:
        asked: list[tuple[socket.socket, tuple[Any, ...]]] = []
        for key, _ in ready.select():
            if key.fileobj is listener:
                ready.register(listener.accept()[0], selectors.EVENT_READ)
                continue
            channel: Any = key.fileobj
            request = _request(channel)
            if request is None:
                ready.unregister(channel)
                channel.close()
            else:
                asked.append((channel, request))
        _answer(asked, answers, file)


def _request(channel: socket.socket) -> tuple[Any, ...] | None:
    try:
        message = receive(channel)
        return tuple(decode(message)) if message else None
    except (OSError, WireError):
        return None


def _answer(
    asked: Iterable[tuple[socket.socket, tuple[Any, ...]]], answers: Answers, file: int
) -> None:
    looked: Any = None
    for channel, (kind, *arguments) in asked:
        try:
            if kind == "verify" and looked is not None:
                result = looked
            else:
                result = ("done", answers[kind](*arguments))
        except ModelError as error:
            result = ("model", str(error))
        except Exception as error:
            result = ("broken", f"{type(error).__name__}: {error}")
        looked = result if kind == "verify" else looked
        try:
            channel.sendall(encode(result))
            if kind == "attach" and result[0] == "done":
                socket.send_fds(channel, [b"f"], [file] if file >= 0 else [])
        except OSError:
            continue  # the worker has gone; its connection will say so
