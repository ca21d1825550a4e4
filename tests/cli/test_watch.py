"""`moelab verify --watch` proves again at every save, and drops a proof that is out of date."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from autograder.cli.watch import files_of, proofs

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="it forks")


def test_each_save_is_proved_by_a_process_that_sees_what_was_saved(tmp_path: Path) -> None:
    course = tmp_path / "checks.py"
    course.write_text("0")
    found = proofs(tmp_path, lambda: int(course.read_text()))
    assert next(found) == 0
    course.write_text("17")
    assert next(found) == 17
    (tmp_path / "new.md").write_text("# New")
    assert next(found) == 17


def test_a_save_ends_the_proof_that_runs(tmp_path: Path) -> None:
    course = tmp_path / "checks.py"
    course.write_text("first")

    def prove() -> int:
        if course.read_text() == "first":
            course.write_text("second")
            time.sleep(1000)
        return 3

    found = proofs(tmp_path, prove)
    assert [next(found), next(found)] == [None, 3]


def test_what_a_proof_leaves_behind_is_no_save(tmp_path: Path) -> None:
    (tmp_path / "checks.py").write_text("")
    before = files_of(tmp_path)
    (tmp_path / "__pycache__").mkdir()
    (tmp_path / "__pycache__" / "checks.py").write_text("")
    (tmp_path / ".checks.py.swp").write_text("")
    (tmp_path / "notes.txt").write_text("")
    assert files_of(tmp_path) == before
