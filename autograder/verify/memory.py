"""A submission that has learnt the public checks by heart: rule 8 says that it earns nothing.

Students see what the public checks ask, so they could hand in a table of those calls and of what
they found out to be right. The table is made as they would make it, in a notebook: with the seed of
a notebook's checks. In a grading run, where the seed is another, it must not earn a point.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from autograder.authoring.exercise import Exercise
from autograder.authoring.fixture import wanted_by
from autograder.courses import packages_for
from autograder.session import Session
from autograder.wire.messages import Handles, decode_reply, encode_call, encode_reply
from moelab_kit.bench import FIXTURE, HeldModels, bench_of
from moelab_kit.calls import Answer, Call, Raised, Reply, perform
from moelab_kit.law import fixtures_of

NOT_SEEN: Mapping[str, Reply] = {
    "raises ValueError": Reply(raised=Raised("ValueError", ("ValueError", "Exception"), "unseen")),
    "returns None": Reply(),
}


@dataclass(frozen=True, slots=True)
class Memory:
    """The public checks' calls of an exercise, as messages, and the reference's replies to them.

    Calls are the same when their arguments are, however they are passed; a model or tokenizer is
    known by its handle. So a call that gives other values in another run is remembered wrongly.
    """

    exercise: Exercise
    replies: Mapping[bytes, bytes]

    def reply(self, call: Call, bench: Handles) -> Reply | None:
        """What the reference replied to such a call in the notebook; None for an unknown one."""
        message = self.replies.get(_key(self.exercise, call, bench))
        if message is None:
            return None
        plain = replace(call, gradient_of=())
        reply = decode_reply(message, plain, bench)
        return replace(reply, gradients=tuple(None for _ in call.gradient_of))


@dataclass(frozen=True, slots=True)
class MemorySession:
    """A submission that answers from memory, and with `otherwise` what it has not seen."""

    memory: Memory
    bench: Handles
    otherwise: Reply

    def perform(self, call: Call, time_limit: float | None = None) -> Reply:
        """See `Session.perform`."""
        unseen = replace(self.otherwise, gradients=tuple(None for _ in call.gradient_of))
        return self.memory.reply(call, self.bench) or unseen


def memory_of(exercise: Exercise) -> Memory:
    """Run the public checks on the reference as a notebook would, and remember every call.

    Raises what a check raises that the reference does not pass.
    """
    replies: dict[bytes, bytes] = {}
    for check in (check for check in exercise.checks if not check.hidden):
        fixtures = fixtures_of(check.function, fixtures=wanted_by(check.function, exercise))
        bench = fixtures.get(FIXTURE) or bench_of(packages_for(exercise.module_name), 0)
        answer = Answer(exercise.name, _Recorder(exercise, bench, replies).perform)
        check.function(answer, **fixtures)
    return Memory(exercise, replies)


def from_memory(exercise: Exercise, bench: Handles) -> Iterator[tuple[str, Session]]:
    """The submissions that answer from memory, one for each way to meet an unknown call."""
    memory = memory_of(exercise)
    for how, reply in NOT_SEEN.items():
        yield how, MemorySession(memory, bench, reply)


@dataclass(frozen=True, slots=True)
class _Recorder:
    """Calls the reference for a check, and keeps each reply as the message that it came in."""

    exercise: Exercise
    bench: HeldModels
    replies: dict[bytes, bytes]

    def perform(self, call: Call) -> Reply:
        solution = self.exercise.solution_function
        reply = perform(solution, call)
        plain = replace(call, gradient_of=())
        again = perform(solution, plain) if call.gradient_of else reply
        message = encode_reply(again, plain, self.bench)
        self.replies[_key(self.exercise, call, self.bench)] = message
        return decode_reply(encode_reply(reply, call, self.bench), call, self.bench)


def _key(exercise: Exercise, call: Call, bench: Handles) -> bytes:
    """A call as bytes, with its arguments under their names and defaults filled in."""
    try:
        bound = inspect.signature(exercise.solution_function).bind(*call.args, **call.kwargs)
    except TypeError:
        return encode_call(replace(call, gradient_of=(), count_lines=False), bench)
    bound.apply_defaults()
    return encode_call(Call(call.function, (), dict(bound.arguments)), bench)
