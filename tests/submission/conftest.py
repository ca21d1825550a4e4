"""A workspace per test, closed afterwards."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from autograder.notebook.workspace import CellError, Workspace

RunCell = Callable[[str], CellError | None]


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workspace]:
    """A workspace in an empty folder, with `load_model` given."""
    monkeypatch.chdir(tmp_path)
    with Workspace({"load_model": lambda name="tiny": f"the model {name}"}) as made:
        yield made


@pytest.fixture
def value(workspace: Workspace) -> Callable[..., Any]:
    """Run notebook cells, none of which may raise, and return what `result` is then."""

    def run(*cells: str) -> Any:
        for cell in cells:
            assert workspace.run_cell(cell) is None
        return workspace.function("result")

    return run
