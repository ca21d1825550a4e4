"""The wrong answers of `rewritten.py`, for the tests beside it."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture(scope="session")
def written() -> ModuleType:
    """The module `rewritten`, which benchmarks load as well."""
    file = Path(__file__).with_name("rewritten.py")
    spec = importlib.util.spec_from_file_location("rewritten_chaffs", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["rewritten_chaffs"] = module
    spec.loader.exec_module(module)
    return module
