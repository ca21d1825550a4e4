"""A user id that belongs to nobody, for the children of a grader that is root.

Ranges as systemd documents them in "Users, Groups, UIDs and GIDs on systemd Systems": 65,536 to
99,999 is used by nothing, and lies below what `/etc/subuid` hands out by default (from 100,000 on).
A container in a user namespace often has no ids beyond 65,535; there, 60,578 to 61,183 is unused.
"""

from __future__ import annotations

import grp
import pwd
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from autograder.sandbox.errors import SandboxError

FIRST_CHOICE = range(70_000, 74_000)
IN_SMALL_NAMESPACES = range(60_578, 61_184)
_STEP = 97  # prime to both lengths: every id comes up before any comes up again


def free_users(worker: int, count: int = 1) -> tuple[int, ...]:
    """Ids for one worker that no account, group or subordinate range has.

    Workers share no id, as long as there are fewer of them than ids. Raises `SandboxError` where
    this namespace has not so many.
    """
    found: list[int] = []
    for number in range(count):
        found.append(free_user(worker * count + number, found))
    return tuple(found)


def free_user(wanted: int, but: Sequence[int] = ()) -> int:
    """An id, beginning with the `wanted`th, that is nobody's and not one of `but`."""
    taken = [span for name in ("subuid", "subgid") for span in _subordinate(name)]
    for candidates in (FIRST_CHOICE, IN_SMALL_NAMESPACES):
        for attempt in range(len(candidates)):
            user = candidates[(wanted + attempt * _STEP) % len(candidates)]
            if not _is_mapped(user):
                break
            if user in but:
                continue
            if not any(user in span for span in taken) and not _is_known(user):
                return user
    raise SandboxError(
        "children of root need a user id of their own, and all of "
        f"{FIRST_CHOICE[0]}–{FIRST_CHOICE[-1]} and "
        f"{IN_SMALL_NAMESPACES[0]}–{IN_SMALL_NAMESPACES[-1]} "
        "belong to somebody or do not exist here"
    )


def _is_mapped(user: int) -> bool:
    """Whether this user namespace has such an id, for users and for groups."""
    return all(
        any(user in span for span in _mapped(Path(f"/proc/self/{name}")))
        for name in ("uid_map", "gid_map")
    )


def _mapped(path: Path) -> list[range]:
    lines = (line.split() for line in path.read_text(encoding="ascii").splitlines())
    return [range(int(first), int(first) + int(count)) for first, _, count in lines]


def _subordinate(name: str) -> list[range]:
    spans = []
    with suppress(OSError):
        for line in Path("/etc", name).read_text(encoding="utf-8", errors="replace").splitlines():
            _, _, span = line.partition(":")
            first, _, count = span.partition(":")
            if first.isdecimal() and count.isdecimal():
                spans.append(range(int(first), int(first) + int(count)))
    return spans


def _is_known(user: int) -> bool:
    for look_up in (pwd.getpwuid, grp.getgrgid):
        with suppress(KeyError):
            look_up(user)
            return True
    return False
