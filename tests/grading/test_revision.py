"""The revision of an assignment changes with whatever decides a grade, and with nothing else."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from autograder.models.choice import choose, digest_of

CHECKOUT = Path(__file__).resolve().parents[2]
PARTS = (
    "autograder/sandbox/child.py",
    "autograder/serving/server.py",
    "autograder/session.py",
    "autograder/records.py",
    "moelab_kit/compare.py",
    "toycourse/toy/expert_load.py",
    "toycourse/toy/table.json",
)
NOT_PARTS = ("autograder/report/class_page/html.py", "toycourse/toy/.expert_load.py.swp")
ASK = """
import sys
sys.path.insert(0, ".")
from autograder.authoring.course import load_assignment
from autograder.grading.revision import course_revision
toy = load_assignment("toy", "toycourse")
print(course_revision(toy))
for part in sys.argv[1:]:
    with open(part, "a") as file:
        file.write("# changed")
    print(course_revision(toy))
"""


def revisions(folder: Path, changed: tuple[str, ...]) -> list[str]:
    """The revision of the toy course in a copy of everything, and after each change."""
    skipped = shutil.ignore_patterns("__pycache__")
    shutil.copytree(CHECKOUT / "autograder", folder / "autograder", ignore=skipped)
    for name in ("moelab_kit", "moe_lab"):
        shutil.copytree(CHECKOUT / "assignments" / name / name, folder / name, ignore=skipped)
    shutil.copytree(CHECKOUT / "tests/courses/toycourse", folder / "toycourse", ignore=skipped)
    done = subprocess.run(
        [sys.executable, "-c", ASK, *changed],
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.split()


@pytest.mark.slow
def test_every_part_that_decides_a_grade_is_in_the_revision(tmp_path: Path) -> None:
    found = revisions(tmp_path, PARTS)
    assert len(set(found)) == len(found) == 1 + len(PARTS)


@pytest.mark.slow
def test_reports_and_an_editors_files_are_not(tmp_path: Path) -> None:
    found = revisions(tmp_path, NOT_PARTS)
    assert len(found) == 1 + len(NOT_PARTS)
    assert len(set(found)) == 1


def test_other_weights_in_a_model_folder_are_another_model(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "olmoe"}')
    (tmp_path / "model.safetensors").write_bytes(b"one")
    choice = choose(str(tmp_path))
    assert choice is not None
    before = digest_of(choice)
    (tmp_path / "model.safetensors").write_bytes(b"two")
    assert digest_of(choice) != before
