"""The fuzz targets hold on what they start from, on anything, and on what once stopped a run."""

from __future__ import annotations

import pytest
from fuzz_targets import FOUND, TARGETS
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

ANYTHING = settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))


@pytest.mark.parametrize("name", TARGETS)
def test_target_holds_on_its_seeds(name: str) -> None:
    seeds = list(TARGETS[name].seeds())
    assert len(seeds) > 10
    for seed in seeds:
        TARGETS[name].run(seed)


@pytest.mark.parametrize("name", TARGETS)
def test_target_holds_on_changed_seeds(name: str) -> None:
    seeds = st.sampled_from(list(TARGETS[name].seeds()))

    @ANYTHING
    @given(seeds, st.binary(max_size=8), st.integers(0, 400), st.integers(0, 40))
    def hold(seed: bytes, part: bytes, start: int, length: int) -> None:
        TARGETS[name].run(seed[:start] + part + seed[start + length :])

    hold()


@pytest.mark.parametrize("path", sorted(FOUND.glob("*/*")), ids=lambda path: path.name)
def test_target_holds_on_what_once_stopped_a_run(path) -> None:
    TARGETS[path.parent.name].run(path.read_bytes())
