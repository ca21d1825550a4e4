"""The example course outside of moelab's packages: it proves itself, and needs no models."""

from __future__ import annotations

import os
import re
import zipfile
from io import BytesIO
from pathlib import Path

import nbclient
import nbformat
import pytest

from autograder.authoring.course import assignment_names, load_assignment
from autograder.edition.notebook import solved_notebook
from autograder.edition.student_zip import student_zip
from autograder.edition.write import build
from autograder.verify.prove import verify

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2] / "examples" / "attention_masks"
COURSE = str(ROOT / "attention_masks")
NOT_INSTALLED = """
import sys

class NotInstalled:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("accelerate", "autograder", "moe_lab", "transformers"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, NotInstalled())
"""


def test_it_has_two_labs_and_one_made_from_an_idea_with_three_exercises_each():
    assert assignment_names(COURSE) == ("kv_cache", "masks", "texts")
    for name in assignment_names(COURSE):
        assert len(load_assignment(name, COURSE).exercises) == 3


@pytest.mark.parametrize("name", ["kv_cache", "masks", "texts"])
def test_every_lab_proves_itself(name, tmp_path):
    lab = load_assignment(name, COURSE)
    build([lab], tmp_path)
    report = verify(lab, tmp_path)
    assert report.findings == ()
    assert report.ok


def test_its_student_edition_works_in_a_real_kernel_without_transformers(tmp_path, monkeypatch):
    """All public checks pass, those with fixtures of the course's own among them."""
    lab = load_assignment("texts", COURSE)
    zipfile.ZipFile(BytesIO(student_zip(lab))).extractall(tmp_path)
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(NOT_INSTALLED)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "site"))
    monkeypatch.delenv("PYTHONSAFEPATH", raising=False)
    solved = solved_notebook(lab, {})
    (tmp_path / "texts" / "texts.ipynb").write_text(solved, encoding="utf-8")
    notebook = nbformat.reads(solved, as_version=4)
    cell = nbformat.v4.new_code_cell(
        "import sys, moelab_kit\n"
        "print(moelab_kit.__file__, [m for m in sys.modules if m.startswith(('transf', 'moe_'))])"
    )
    notebook.cells.append(cell)
    place = {"metadata": {"path": str(tmp_path / "texts")}}
    nbclient.NotebookClient(notebook, timeout=300, kernel_name="python3", resources=place).execute()
    told = "\n".join(
        output.get("text", "") or output.get("data", {}).get("text/plain", "")
        for one in notebook.cells
        for output in one.get("outputs", ())
    )
    passed = set(re.findall(r"(\w+) results: All test cases passed!", told))
    assert passed == {exercise.name for exercise in lab.exercises}
    assert "3 of 3 public checks pass" in told
    kit = os.path.join(tmp_path, "texts", "moelab_kit", "__init__.py")
    assert told.rstrip().endswith(f"{kit} []")
