"""Every test file is collected: pytest skips some folder names, as `build`, without a word."""

from __future__ import annotations

from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parent


def test_every_test_file_is_collected(request: pytest.FixtureRequest) -> None:
    chosen = request.config.option.keyword or request.config.option.markexpr
    if request.config.args != ["tests"] or chosen:
        pytest.skip("a part of the tests was asked for; whether all are collected shows with all")
    collected = {item.path for item in request.session.items}
    assert set(TESTS.rglob("test_*.py")) - collected == set()
