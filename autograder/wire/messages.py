"""The two messages of a call: the request that goes to the student's function and the reply."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any, Protocol

import torch
from torch import nn

from autograder.wire.decode import decode
from autograder.wire.encode import NameOf, encode
from autograder.wire.limits import WireError
from moelab_kit.calls import Call, Raised, Reply
from moelab_kit.side_effects import walk

MISSING = b"missing "  # instead of a reply: there is no such function, as the rest says
FAILED = b"failed "  # instead of a reply: none could be made; the rest is an exception's name


class Handles(Protocol):
    """What the wire needs of a bench: names for the objects that both sides hold."""

    def handle_of(self, value: Any) -> str | None: ...

    def resolve(self, handle: str) -> Any: ...


def encode_call(call: Call, bench: Handles) -> bytes:
    """The request for one call; models and tokenizers of the bench travel as handles.

    Raises `TypeError` for a model that is not of the bench: it could not cross.
    """
    for argument in (*call.args, *call.kwargs.values()):
        if isinstance(argument, nn.Module) and bench.handle_of(argument) is None:
            raise TypeError(f"{type(argument).__name__} is not a model of the bench")
    request = (call.function, call.args, dict(call.kwargs), call.gradient_of, call.count_lines)
    return encode(request, handle_of=bench.handle_of)


def decode_call(message: bytes | bytearray, bench: Handles) -> Call:
    """The call that a request asks for, with this side's models and tokenizers."""
    function, args, kwargs, gradient_of, count_lines = decode(message, resolve=bench.resolve)
    return Call(function, args, kwargs, gradient_of, count_lines)


def encode_reply(reply: Reply, call: Call, bench: Handles) -> bytes:
    """The reply to a call; modules of the call's models travel as their qualified names."""
    raised = reply.raised
    plain = (
        reply.value,
        None if raised is None else (raised.type_name, raised.bases, raised.message),
        reply.gradients,
        reply.left_behind,
        reply.shares_memory,
        reply.lines,
    )
    return encode(plain, name_of=_names(call, bench))


def decode_reply(message: bytes | bytearray, call: Call, bench: Handles) -> Reply:
    """A reply from the other side of the trust boundary; `WireError` unless it is well formed."""
    models = dict(_models(call, bench))
    plain = decode(message, model_of=models.__getitem__)
    match plain:
        case (value, raised, tuple(gradients), str(left_behind), str(shares_memory), int(lines)):
            if len(gradients) not in (0, len(call.gradient_of)):
                raise WireError("a reply has the wrong number of gradients")
            return Reply(
                value=value,
                raised=_raised(raised),
                gradients=tuple(map(_gradient, gradients)),
                left_behind=left_behind,
                shares_memory=shares_memory,
                lines=lines,
            )
    raise WireError("a reply is malformed")


def _raised(plain: Any) -> Raised | None:
    match plain:
        case None:
            return None
        case (str(name), tuple(bases), str(message)) if all(isinstance(b, str) for b in bases):
            return Raised(name[:200], bases[:50], message)
    raise WireError("an exception is malformed")


def _gradient(plain: Any) -> torch.Tensor | None:
    if plain is None or isinstance(plain, torch.Tensor):
        return plain
    raise WireError("a gradient is not a tensor")


def _models(call: Call, bench: Handles) -> Iterator[tuple[str, nn.Module]]:
    for argument in (*call.args, *call.kwargs.values()):
        if isinstance(argument, nn.Module):
            handle = bench.handle_of(argument)
            if handle is not None:
                yield handle, argument


def _names(call: Call, bench: Handles) -> NameOf:
    """How modules of the call's models are told: (handle of the model, qualified name)."""

    @cache
    def names() -> dict[int, tuple[str, str]]:
        return {
            id(module): (handle, name)
            for handle, model in _models(call, bench)
            for name, module in walk(model)
        }

    return lambda module: names().get(id(module))
