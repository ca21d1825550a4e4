"""The revision of an assignment changes with whatever decides a grade, and with nothing else."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from autograder.models.choice import choose, digest_of

CHECKOUT = Path(__file__).resolve().parents[2]
ASK = """
import sys
sys.path[:0] = sys.argv[1:3]
from autograder.grading.course import course_revision, load_assignment
print(course_revision(load_assignment("toy", "toycourse")))
"""


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """The engine and the toy course, where a test may change them."""
    skipped = shutil.ignore_patterns("__pycache__")
    shutil.copytree(CHECKOUT / "autograder", tmp_path / "autograder", ignore=skipped)
    shutil.copytree(CHECKOUT / "tests/toycourse", tmp_path / "toycourse", ignore=skipped)
    return tmp_path


def revision(folder: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-c", ASK, str(folder), str(folder)],
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def test_every_part_that_decides_a_grade_is_in_the_revision(copied: Path) -> None:
    found = [revision(copied)]
    for part in (
        "autograder/sandbox/child.py",
        "autograder/models/owner.py",
        "autograder/session.py",
        "autograder/records.py",
        "autograder/lab/compare.py",
        "toycourse/toy/expert_load.py",
    ):
        with (copied / part).open("a") as file:
            file.write("\n# changed\n")
        found.append(revision(copied))
    (copied / "toycourse/toy/table.json").write_text("{}")
    found.append(revision(copied))
    assert len(set(found)) == len(found)


def test_reports_and_an_editors_files_are_not(copied: Path) -> None:
    before = revision(copied)
    with (copied / "autograder/report/html.py").open("a") as file:
        file.write("\n# changed\n")
    (copied / "toycourse/toy/.expert_load.py.swp").write_text("")
    assert revision(copied) == before


def test_other_weights_in_a_model_folder_are_another_model(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "olmoe"}')
    (tmp_path / "model.safetensors").write_bytes(b"one")
    choice = choose(str(tmp_path))
    assert choice is not None
    before = digest_of(choice)
    (tmp_path / "model.safetensors").write_bytes(b"two")
    assert digest_of(choice) != before
