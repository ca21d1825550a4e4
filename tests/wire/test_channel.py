"""The grader's end of the channel, against processes that misbehave on it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import pytest

from autograder.records import Outcome
from autograder.sandbox.child import Child
from autograder.sandbox.pidfd import ProcessHandle
from autograder.session import Interrupted
from autograder.wire.encode import encode
from autograder.wire.limits import HEADER, MAGIC

pytestmark = [
    pytest.mark.sandbox,
    pytest.mark.skipif(sys.platform != "linux", reason="the channel needs Linux's pidfds"),
]

SECONDS = 1.0
ENOUGH = 15.0  # far more than any of these may take, far less than a hang

SERVE = """
import os, signal, socket, struct, sys, time
control = socket.socket(fileno=int(sys.argv[1]))

def question():
    kind, descriptors, _, _ = socket.recv_fds(control, 16, 1)
    if not kind:
        os._exit(0)
    return socket.socket(fileno=descriptors[0])

def whole(channel):
    parts = []
    while part := channel.recv(1 << 20):
        parts.append(part)
    return b"".join(parts)

def header(tree, blob):
    return struct.pack("<4sIQ", b"moe1", tree, blob)
"""

Fake = Callable[[str], Child]


@pytest.fixture
def fake() -> Iterator[Fake]:
    """A child that does what a piece of Python says, instead of what it should."""
    children: list[Child] = []

    def start(behaviour: str) -> Child:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            process = subprocess.Popen(
                [sys.executable, "-c", SERVE + behaviour, str(theirs.fileno())],
                pass_fds=(theirs.fileno(),),
            )
        watch = os.pidfd_open(process.pid)
        children.append(Child(ProcessHandle(process.pid, watch), ours, lambda _: process.wait()))
        return children[-1]

    yield start
    for child in children:
        child.end()


def ask(child: Child, payload: bytes = encode("question"), seconds: float = SECONDS) -> bytes:
    started = time.monotonic()
    try:
        return bytes(child.request("call", payload, seconds))
    finally:
        assert time.monotonic() - started < ENOUGH


def interrupted(child: Child, payload: bytes = encode("question")) -> Interrupted:
    with pytest.raises(Interrupted) as caught:
        ask(child, payload)
    return caught.value


def test_an_honest_reply_arrives_and_the_child_lives_on(fake: Fake) -> None:
    child = fake("while True:\n    with question() as reply: reply.sendall(whole(reply))")
    for number in range(3):
        assert ask(child, encode(number), ENOUGH) == encode(number)
    large = encode(bytes(3 << 20))
    assert ask(child, large, ENOUGH) == large
    assert child.alive


def test_a_reply_in_many_small_parts_arrives(fake: Fake) -> None:
    child = fake(
        "reply = question(); data = whole(reply)\n"
        "for byte in data: reply.sendall(bytes([byte])); time.sleep(0.001)"
    )
    assert ask(child, seconds=ENOUGH) == encode("question")


@pytest.mark.parametrize(
    ("behaviour", "outcome"),
    [
        ("reply = question(); data = whole(reply); reply.sendall(data + data)", Outcome.FAILED),
        ("reply = question(); data = whole(reply); reply.sendall(data + b'x')", Outcome.FAILED),
        ("reply = question(); reply.sendall(header(1 << 31, 0)); time.sleep(60)", Outcome.FAILED),
        ("reply = question(); reply.sendall(header(1, 1 << 63)); time.sleep(60)", Outcome.FAILED),
        ("reply = question(); reply.sendall(b'x' * 100); time.sleep(60)", Outcome.FAILED),
        ("reply = question()\nwhile True: reply.sendall(bytes(1 << 20))", Outcome.FAILED),
        (
            "reply = question(); reply.sendall(b'missing ')\nwhile True: reply.sendall(b'x' * 999)",
            Outcome.FAILED,
        ),
        ("reply = question(); reply.sendall(whole(reply)[:-1]); time.sleep(60)", Outcome.TIMEOUT),
        ("reply = question(); reply.sendall(header(0, 0)); time.sleep(60)", Outcome.TIMEOUT),
        ("reply = question(); reply.sendall(b'mis'); time.sleep(60)", Outcome.TIMEOUT),
        ("reply = question(); time.sleep(60)", Outcome.TIMEOUT),
        (
            "reply = question(); reply.sendall(header(9, 1 << 27))\n"
            "while True: reply.sendall(b'x'); time.sleep(0.01)",
            Outcome.TIMEOUT,
        ),
        ("reply = question(); reply.sendall(whole(reply)[:-1])", Outcome.DIED),
        ("reply = question(); reply.close(); time.sleep(60)", Outcome.DIED),
        ("control.close(); time.sleep(60)", Outcome.DIED),
        ("os._exit(0)", Outcome.DIED),
        ("reply = question(); os._exit(7)", Outcome.DIED),
        ("reply = question(); os.kill(os.getpid(), signal.SIGSEGV)", Outcome.DIED),
        ("reply = question(); os.kill(os.getpid(), signal.SIGKILL)", Outcome.MEMORY),
        ("reply = question(); os.kill(os.getpid(), signal.SIGSTOP)", Outcome.TIMEOUT),
        ("reply = question(); whole(reply); reply.sendall(b'failed MemoryError')", Outcome.MEMORY),
        (
            "reply = question(); whole(reply); reply.sendall(b'failed Odd\\xff\\x00Error')",
            Outcome.FAILED,
        ),
        ("reply = question(); whole(reply); reply.sendall(b'missing f')", Outcome.MISSING),
    ],
    ids=lambda value: value if isinstance(value, str) else value.value,
)
def test_misbehaviour_ends_in_an_outcome(behaviour: str, outcome: Outcome, fake: Fake) -> None:
    child = fake(behaviour)
    assert interrupted(child).outcome is outcome
    assert child.alive == (outcome is Outcome.MISSING)


def test_a_trickle_that_keeps_the_channel_ready_does_not_move_the_deadline(fake: Fake) -> None:
    child = fake(
        "reply = question(); reply.sendall(header(9, 200 << 20))\nwhile True: reply.sendall(b'xx')"
    )
    assert interrupted(child).outcome is Outcome.TIMEOUT


def test_a_child_that_does_not_read_its_question_is_ended_in_time(fake: Fake) -> None:
    child = fake("reply = question(); time.sleep(60)")
    assert interrupted(child, encode(bytes(32 << 20))).outcome is Outcome.TIMEOUT


def test_a_child_that_answers_before_it_has_read_the_question_is_heard(fake: Fake) -> None:
    child = fake(
        "reply = question(); answer = header(1, 0) + b'\\xc0'\nreply.sendall(answer); whole(reply)"
    )
    assert ask(child, seconds=ENOUGH) == HEADER.pack(MAGIC, 1, 0) + b"\xc0"


def test_the_end_of_a_child_is_noticed_while_a_grandchild_holds_the_channel(fake: Fake) -> None:
    child = fake("reply = question()\nif os.fork() == 0: time.sleep(20)\nos._exit(3)")
    assert interrupted(child).outcome is Outcome.DIED


def test_late_bytes_do_not_meet_the_next_question(fake: Fake) -> None:
    child = fake(
        "signal.signal(signal.SIGPIPE, signal.SIG_IGN)\n"
        "first = question(); data = whole(first); first.sendall(data)\n"
        "second = question(); data = whole(second)\n"
        "try:\n    first.sendall(b'late')\nexcept OSError:\n    pass\n"
        "second.sendall(data); time.sleep(60)"
    )
    assert ask(child, encode(1), ENOUGH) == encode(1)
    assert ask(child, encode(2), ENOUGH) == encode(2)


def test_what_a_child_writes_on_its_control_channel_is_never_read(fake: Fake) -> None:
    child = fake(
        "control.setblocking(False)\n"
        "try:\n    while True: control.send(b'ready')\n"
        "except OSError:\n    control.setblocking(True)\n"
        "with question() as reply: reply.sendall(whole(reply))\ntime.sleep(60)"
    )
    assert ask(child, seconds=ENOUGH) == encode("question")


def test_ending_a_child_kills_it_and_closes_its_descriptors(fake: Fake) -> None:
    before = len(os.listdir("/proc/self/fd"))
    child = fake("signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 64)); time.sleep(60)")
    assert child.end() == -signal.SIGKILL
    assert child.end() is None
    assert len(os.listdir("/proc/self/fd")) == before
    assert not child.alive
