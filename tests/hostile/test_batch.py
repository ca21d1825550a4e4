"""One hostile submission among twenty honest ones: the same grades, and nothing left behind."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hostile_batch import STUDENTS, Room, hostile_files
from machine import kernel_lacks

from autograder.records import Status

pytestmark = [pytest.mark.slow, pytest.mark.sandbox]

NASTIEST = (
    "fork_bomb",
    "memory_torch",
    "daemonize",
    "disk_bomb",
    "thread_bomb",
    "signal_others",
    "descriptor_bomb",
    "tamper_with_the_bench",
    "patch_everything",
    "forge_flood",
    "endless_finalizer",
    "stop_itself",
    "steal_requests",
    "explode_when_unpacked",
)
FILES = {one.name: one for one in hostile_files()}


@pytest.fixture(scope="module")
def room() -> Iterator[Room]:
    level = "landlock" if kernel_lacks("namespaces") else "namespaces"
    if reason := kernel_lacks(level):
        pytest.skip(reason)
    room = Room(level)
    yield room
    room.close()


def test_the_class_alone_is_graded_and_has_right_and_wrong_answers(room: Room) -> None:
    scores = {grade.score for grade in room.alone.values()}
    assert len(room.alone) == STUDENTS
    assert len(scores) > 3
    assert all(grade.status is Status.GRADED for grade in room.alone.values())


@pytest.mark.parametrize("name", NASTIEST)
def test_nobody_is_hurt_by_a_hostile_submission_among_them(name: str, room: Room) -> None:
    batch = room.run(FILES[name])
    assert batch.harm == ()
