"""The child: one submission. It locks itself down, then serves requests; hostile from its first byte."""

from __future__ import annotations

import os
import signal
import socket

from autograder.inside import confine, kernel, view
from autograder.inside.guest import Guest
from autograder.inside.settings import ZygoteSettings

CONTROL = 3  # the one descriptor, besides the standard three, that a child keeps


def run_child(
    channel: int, settings: ZygoteSettings, rules: bytes, guest: Guest, used: int
) -> None:
    """Lock down, say `ready` (or why not), and answer requests until the grader hangs up.

    `used` is the address space in bytes at the fork. A set-up that fails ends the process: there
    is no lower level to fall back to.
    """
    _detach(channel)
    control = socket.socket(fileno=CONTROL)
    try:
        _lock_down(settings, rules, used)
    except BaseException as error:
        control.send(f"{type(error).__name__}: {error}"[:1000].encode("utf-8", "replace"))
        return
    control.send(b"ready")
    while True:
        kind, descriptors, _, _ = socket.recv_fds(control, 16, 1)
        if not kind or not descriptors:
            return
        with socket.socket(fileno=descriptors[0]) as reply_to:
            reply_to.sendall(guest.answer(kind.decode(), _all_of(reply_to)))


def _detach(channel: int) -> None:
    os.setsid()
    os.environ["HOME"] = view.WRITABLE
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGPIPE):
        signal.signal(number, signal.SIG_DFL)
    null = os.open("/dev/null", os.O_RDWR)
    if channel != CONTROL:
        os.dup2(channel, CONTROL, inheritable=False)
    for descriptor in (0, 1, 2):
        os.dup2(null, descriptor)
    os.closerange(CONTROL + 1, os.sysconf("SC_OPEN_MAX"))


def _lock_down(settings: ZygoteSettings, rules: bytes, used: int) -> None:
    own_user = os.geteuid() == 0 and settings.isolation != "none"
    if settings.isolation == "namespaces":
        view.enter_private_folder()
    confine.set_limits(used + settings.memory, settings.seconds, own_user=own_user)
    if settings.isolation == "none":
        kernel.die_with_parent()
        return
    confine.lock_user(settings.user, reads_everywhere=view.closed_to_others(settings.libraries))
    if settings.isolation == "namespaces":
        confine.restrict_files(["/"], [view.WRITABLE, "/dev/null"])
    kernel.load_filter(rules)


def _all_of(channel: socket.socket) -> bytes:
    parts = []
    while part := channel.recv(1 << 20):
        parts.append(part)
    return b"".join(parts)
