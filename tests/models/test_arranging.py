"""Asking where models fit: what it costs the process that asks."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ASKS = """
import sys
from autograder.serving.placement import arranged
from autograder.serving.placement import Placement
from autograder.models.choice import choose

if __name__ == "__main__":
    ((place, copy),) = arranged((Placement(),), (choose(sys.argv[1]),))
    print(place.gpus, copy.jobs, "torch" in sys.modules)
"""


def test_the_process_that_asks_does_not_import_torch(
    shape: Callable[..., Path], tmp_path: Path
) -> None:
    program = tmp_path / "asks.py"
    program.write_text(ASKS, encoding="utf-8")
    command = [sys.executable, str(program), str(shape("olmoe"))]
    asked = subprocess.run(command, capture_output=True, text=True, check=True)
    assert asked.stdout.split() == ["()", "0", "False"]
