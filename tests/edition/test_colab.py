"""The notebook for Colab: one cell brings everything, where nothing lies beside the notebook."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import nbclient
import nbformat
import pytest

from autograder.edition.archive import lab_files
from autograder.edition.colab import WEIGHTS, colab_notebook
from autograder.edition.source import solution_source
from autograder.notebook.reading import read_submission
from autograder.notebook.workspace import Workspace

pytestmark = pytest.mark.slow

LIKE_COLAB = """
import otter.check.utils
otter.check.utils.IPythonInterpreter.COLAB.value.running = lambda: True
"""


@pytest.fixture
def notebook(toy_course):
    return nbformat.reads(colab_notebook(toy_course.load()), as_version=4)


def setup_of(notebook: nbformat.NotebookNode) -> str:
    return notebook.cells[0].source


def test_it_checks_as_on_colab_whatever_another_lab_has_left(toy_course, notebook, tmp_path):
    assignment = toy_course.load()
    for name in (
        "moe_lab/__init__.py",
        "moelab_kit/__init__.py",
        "tests/expert_load.py",
        "tests/of_another_lab.py",
    ):
        path = tmp_path / "content" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("raise RuntimeError('of another lab')")
    for cell in notebook.cells:
        if cell.id == "expert_load-code":
            exercise = assignment.exercise("expert_load")
            cell.source = solution_source(exercise, exercise.solution_function)
        elif cell.id.endswith("-code"):
            cell.metadata["tags"] = ["raises-exception"]
    notebook.cells.insert(0, nbformat.v4.new_code_cell(LIKE_COLAB))
    nbclient.NotebookClient(
        notebook,
        timeout=300,
        kernel_name="python3",
        resources={"metadata": {"path": str(tmp_path / "content")}},
    ).execute()
    told = {c.id: str(c.outputs) for c in notebook.cells if c.cell_type == "code"}
    assert "expert_load results: All test cases passed!" in told["expert_load-check"]
    assert "busiest_expert is not written yet" in told["busiest_expert-check"]
    assert "expert_load results: All test cases passed!" in told["check-all"]
    assert "of_another_lab" not in told["check-all"]
    (folder,) = (tmp_path / "content" / "moe_lab_files").iterdir()
    assert folder.name.startswith("toy-")
    assert {path.name for path in folder.iterdir()} >= {"moe_lab", "moelab_kit", "tests"}


def test_only_what_is_missing_is_installed_in_the_tested_version(notebook, tmp_path):
    setup = setup_of(notebook)
    setup = setup.replace('"numpy>=1.26"', '"numpy>=9999"')
    setup = setup.replace('"otter-grader<8,>=7"', '"no-such-package>=1"')
    program = (
        "import subprocess\n"
        "subprocess.run = lambda command, check: print('RUN', *command[4:])\n" + setup
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        capture_output=True,
        encoding="utf-8",
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
    )
    assert done.returncode == 0, done.stderr
    (line,) = (line for line in done.stdout.splitlines() if line.startswith("RUN"))
    constraints = Path(__file__).resolve().parents[2] / "constraints.txt"
    pinned = {line for line in constraints.read_text().splitlines() if "numpy==" in line}
    assert set(line.split()[2:]) == pinned | {"otter-grader==7.0.0"}


def test_it_has_the_same_exercises_and_is_graded_like_the_other(toy_course, notebook):
    source = read_submission(nbformat.writes(notebook).encode(), "toy_colab.ipynb")
    assert source.assignment == "toy"
    with Workspace({"load_model": str, "load_tokenizer": str}) as workspace:
        errors = [workspace.run_cell(cell) for cell in source.cells[:1]]
        assert errors == [None]
        for cell in source.cells[1:]:
            workspace.run_cell(cell)
        for exercise in toy_course.load().exercises:
            assert callable(workspace.function(exercise.name))


def test_what_it_carries_is_the_student_edition_and_no_more(notebook, tmp_path):
    assert notebook.cells[0].metadata["cellView"] == "form"
    assert "hand_in" not in setup_of(notebook).split("FILES")[2]
    unpack = setup_of(notebook)
    subprocess.run([sys.executable, "-c", unpack], cwd=tmp_path, check=True, capture_output=True)
    (folder,) = (tmp_path / "moe_lab_files").iterdir()
    written = {
        f"{package}/{p.name}": p.read_bytes()
        for package in ("moelab_kit", "moe_lab")
        for p in (folder / package).glob("*.py")
    }
    carried = {name: data for name, data in lab_files().items() if not name.endswith(WEIGHTS)}
    assert written == carried, "all but the trained weights, which are trained anew"
    tests = json.loads(nbformat.writes(notebook))["metadata"]["otter"]["tests"]
    assert {p.stem: p.read_text() for p in (folder / "tests").glob("*.py")} == tests
