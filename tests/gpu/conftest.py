"""Tests that need a GPU; without one they are skipped."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from autograder.sandbox.devices import Gpu, gpus


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if gpus():
        return
    for item in items:
        if item.get_closest_marker("gpu"):
            item.add_marker(pytest.mark.skip(reason="there is no GPU"))


@pytest.fixture(scope="session")
def gpu() -> Gpu:
    return gpus()[0]


@pytest.fixture(scope="session")
def course() -> str:
    return "model_checks"


@pytest.fixture(scope="session")
def shape(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a config alone: DeepSeek-V2-Lite with fewer and narrower layers."""
    from autograder.models.shapes import SHAPES

    folder = tmp_path_factory.mktemp("shape")
    config = dict(SHAPES["deepseek-v2-lite"]) | {"num_hidden_layers": 4, "hidden_size": 512}
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    return folder
