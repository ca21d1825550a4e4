"""Where copies of models go, by what they need and what GPUs and the machine have free."""

from __future__ import annotations

import pytest

from autograder.serving.placement import CONTEXT_BYTES, Copy, Size, copies_of

GB = 10**9
EXPERTS = {f"layers.{number}.experts": 3 * GB for number in range(10)}
MODEL = Size(32 * GB, EXPERTS)
TO_RUN = 3 * CONTEXT_BYTES


def on(copy: Copy, device: str) -> int:
    return sum(place == device for away in copy.away for place in away.values())


def test_each_gpu_that_is_large_enough_gets_a_copy_of_its_own() -> None:
    copies = copies_of([MODEL], [80 * GB, 40 * GB], 0)
    assert [(copy.gpus, copy.away) for copy in copies] == [((0,), ({},)), ((1,), ({},))]


def test_as_many_submissions_run_at_once_as_there_is_memory_for() -> None:
    (copy,) = copies_of([MODEL], [32 * GB + TO_RUN], 0)
    assert copy.jobs == 1
    (copy,) = copies_of([MODEL], [32 * GB + TO_RUN + 6 * CONTEXT_BYTES], 0)
    assert copy.jobs == 4


def test_gpus_that_are_too_small_hold_a_copy_together_and_the_first_has_all_but_experts() -> None:
    copies = copies_of([MODEL], [24 * GB] * 4, 0)
    assert [copy.gpus for copy in copies] == [(0, 1), (2, 3)]
    for copy in copies:
        assert 0 < on(copy, "cuda:1") < len(EXPERTS)
        assert on(copy, "cpu") == 0
        here = 32 * GB - on(copy, "cuda:1") * 3 * GB
        assert here + (1 + 2 * copy.jobs) * CONTEXT_BYTES <= 24 * GB


def test_no_gpu_is_left_over() -> None:
    assert [copy.gpus for copy in copies_of([MODEL], [24 * GB] * 3, 0)] == [(0, 1, 2)]


def test_what_gpus_cannot_hold_goes_to_the_memory_of_the_machine_and_no_more() -> None:
    (copy,) = copies_of([MODEL], [24 * GB], 64 * GB)
    assert copy.gpus == (0,)
    assert on(copy, "cpu") >= 4
    assert copy.jobs >= 4
    (tight,) = copies_of([MODEL], [24 * GB], 12 * GB)
    assert on(tight, "cpu") == 4
    assert copies_of([MODEL], [24 * GB], 8 * GB) == ()


def test_a_gpu_must_hold_all_that_is_no_expert() -> None:
    assert copies_of([MODEL], [TO_RUN + GB], 64 * GB) == ()


def test_without_gpus_the_machine_holds_one_copy_or_none() -> None:
    (copy,) = copies_of([MODEL], [], 32 * GB)
    assert (copy.gpus, copy.jobs) == ((), 0)
    assert copies_of([MODEL], [], 32 * GB - 1) == ()


@pytest.mark.parametrize("room", [[70 * GB], [36 * GB, 36 * GB]])
def test_several_models_share_what_there_is(room: list[int]) -> None:
    copies = copies_of([MODEL, MODEL], room, 0)
    assert len(copies) == 1
    assert len(copies[0].away) == 2
