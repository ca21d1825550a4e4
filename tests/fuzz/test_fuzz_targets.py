"""The fuzz targets hold on what they start from, and on everything that once broke them."""

from __future__ import annotations

import pytest
from targets import TARGETS, found


@pytest.mark.parametrize("name", TARGETS)
def test_target_holds_on_its_seeds(name: str) -> None:
    seeds = list(TARGETS[name].seeds())
    assert len(seeds) > 10
    for seed in seeds:
        TARGETS[name].run(seed)


@pytest.mark.parametrize("name", TARGETS)
def test_target_holds_on_what_once_broke_it(name: str) -> None:
    for path in found(name):
        TARGETS[name].run(path.read_bytes())
