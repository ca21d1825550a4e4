"""The zip for students is complete in itself, and holds nothing of the instructors."""

from __future__ import annotations

import io
import subprocess
import sys
import zipfile

import pytest

from autograder.edition.archive import lab_files
from autograder.edition.student_zip import build_student_zip, student_zip
from autograder.edition.write import student_files

PROGRAM = """
import sys
sys.path.insert(0, "")
import moe_lab, moelab_kit
from moe_lab import hand_in, load_model, load_tokenizer
print(moe_lab.__file__, moelab_kit.__file__, hand_in.__module__, load_model.__module__)
print(sorted(name for name in sys.modules if name.partition(".")[0] in ("autograder", "reference")))
"""


@pytest.fixture
def archive(toy_course):
    return zipfile.ZipFile(io.BytesIO(student_zip(toy_course.load())))


def test_it_holds_the_edition_the_lab_and_a_workflow_in_one_folder(archive, toy_course):
    edition = {
        name.removeprefix("assignments/"): text
        for name, text in student_files(toy_course.load()).items()
        if not name.endswith("README.md")
    }
    found = {name: archive.read(name) for name in archive.namelist()}
    for name, text in edition.items():
        assert found.pop(name) == text.encode()
    for name, data in lab_files().items():
        assert found.pop(f"toy/{name}") == data
    assert set(found) == {"toy/README.md", "toy/.github/workflows/public-checks.yml"}
    assert b"../moe_lab" not in found["toy/README.md"], "the packages lie beside the notebook"


def test_its_own_packages_are_imported_and_need_no_grader(archive, tmp_path):
    archive.extractall(tmp_path)
    done = subprocess.run(
        [sys.executable, "-I", "-c", PROGRAM],
        cwd=tmp_path / "toy",
        capture_output=True,
        encoding="utf-8",
    )
    assert done.returncode == 0, done.stderr
    first, second = done.stdout.splitlines()
    places = first.split()[:2]
    assert all(place.startswith(str(tmp_path)) for place in places), places
    assert second == "[]"


def test_it_is_written_once_and_again_only_when_something_has_changed(toy_course, tmp_path):
    assignment = toy_course.load()
    assert build_student_zip(assignment, tmp_path) == ["wrote dist/toy/student.zip"]
    assert build_student_zip(assignment, tmp_path) == []
