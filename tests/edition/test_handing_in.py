"""Handing in: what is saved is what counts, whatever has run in the kernel."""

from __future__ import annotations

import json
import os
import sys
import zipfile

import nbclient
import nbformat
import pytest
from IPython.core.interactiveshell import InteractiveShell

from autograder.edition.notebook import solved_notebook, student_notebook
from autograder.edition.write import build
from autograder.receipt import read_handed_in
from moelab_kit.saved import SESSION, this_notebook, unsaved_functions

pytestmark = pytest.mark.slow

ANSWER = """\
import my_helpers

LOWEST = 0


def busiest_expert(load):
    if not len(load):
        raise ValueError("empty")
    return my_helpers.largest(load) + LOWEST
"""
COPY = "import shutil\n\nshutil.copy('{name}', 'ada lovelace.ipynb')"


@pytest.fixture(scope="module")
def told(lasting_toy_course):
    """What `hand_in` says in one kernel, while the file on disk changes under a name of its own."""
    root, assignment = lasting_toy_course.root, lasting_toy_course.load()
    build([assignment], root)
    folder = root / "assignments" / "toy"
    (folder / "toy.ipynb").unlink()
    (folder / "tests").mkdir()
    (folder / "tests" / "load_gap.py").write_text("raise RuntimeError('of another lab')")
    (folder / "my_helpers.py").write_text("def largest(load):\n    return int(load.argmax())\n")

    solved = solved_notebook(assignment, {"busiest_expert": ANSWER})
    (folder / "ada lovelace.ipynb").write_text(student_notebook(assignment), encoding="utf-8")
    (folder / "whole.txt").write_text(solved, encoding="utf-8")
    without = solved.replace('"LOWEST = 0\\n",', "")
    assert without != solved
    (folder / "without.txt").write_text(without, encoding="utf-8")

    notebook = nbformat.reads(solved, as_version=4)
    for name in ("without", "whole"):
        notebook.cells.append(nbformat.v4.new_code_cell(COPY.format(name=f"{name}.txt")))
        notebook.cells.append(
            nbformat.v4.new_code_cell('hand_in(grader, "toy.ipynb")', id=f"{name}-hand-in")
        )
    nbclient.NotebookClient(
        notebook, timeout=600, kernel_name="python3", resources={"metadata": {"path": str(folder)}}
    ).execute()
    said = {
        cell.id: "".join(output.get("text", "") for output in cell.outputs)
        for cell in notebook.cells
        if cell.cell_type == "code"
    }
    said["checks"] = str([cell.outputs for cell in notebook.cells if cell.id.endswith("-check")])
    return said, folder, lasting_toy_course


def test_a_renamed_notebook_is_checked_whatever_tests_another_lab_has_left(told):
    said, _, _ = told
    for name in ("expert_load", "busiest_expert", "load_gap"):
        assert f"{name} results: All test cases passed!" in said["checks"]


def test_stubs_on_disk_and_answers_in_the_kernel_are_not_packed(told):
    said, _, _ = told
    assert (
        "Nothing was packed: what is saved in ada lovelace.ipynb is not what ran here."
        in (said["export"])
    )
    for name in ("expert_load", "busiest_expert", "load_gap"):
        assert f"  {name}: the saved notebook holds another version of it." in said["export"]
    assert "Save the notebook (Ctrl+S" in said["export"]
    assert "as_saved=True" in said["export"]


def test_what_passes_only_with_what_the_kernel_remembers_is_not_packed(told):
    said, _, _ = told
    assert (
        "  busiest_expert: passes here, but not in the saved notebook (busiest_expert raised "
        "NameError: name 'LOWEST' is not defined"
    ) in said["without-hand-in"]


def test_what_is_saved_and_runs_from_the_top_is_packed_with_its_helpers(told):
    said, folder, course = told
    assert "3 of 3 public checks pass; ada lovelace.receipt.json says so." in said["whole-hand-in"]
    (archive,) = folder.glob("*.zip")
    assert f"Hand in {archive.name}." in said["whole-hand-in"]
    with zipfile.ZipFile(archive) as packed:
        assert {"ada lovelace.ipynb", "my_helpers.py", "ada lovelace.receipt.json"} <= set(
            packed.namelist()
        )
        assert not any(name.startswith(("moe", "tests")) for name in packed.namelist())
    handed_in = read_handed_in(archive, course.name)
    assert (handed_in.problems, handed_in.remarks) == ((), ())
    assert all(row["passed"] for row in handed_in.receipt["results"])


def notebook_of(*cells: str) -> dict[str, object]:
    made = [{"cell_type": "code", "source": cell, "metadata": {}} for cell in cells]
    return {"cells": made, "metadata": {"otter": {"assignment_name": "toy", "tests": {"f": "1"}}}}


@pytest.fixture
def ran():
    """Run cells as a kernel does, and give the names that they leave."""

    def run(*cells: str) -> dict[str, object]:
        namespace: dict[str, object] = {"__name__": "__main__"}
        for cell in cells:
            name = shell.compile.cache(shell.transform_cell(cell))
            exec(compile(shell.transform_cell(cell), name, "exec"), namespace)
        return namespace

    shell = InteractiveShell()
    yield run
    InteractiveShell.clear_instance()


F = "def f(x):\n    return x + 1\n"


@pytest.mark.parametrize(
    ("ran_cell", "saved", "said"),
    [
        (F, (F,), None),
        (F, ("# a note\n\n" + F.replace("x + 1", "x +   1  # one"),), None),
        (F, ("%matplotlib inline\nx = !ls\n" + F,), None),
        (F, ("%%time\n" + F,), None),
        (F, ("if True:\n    " + F.replace("\n", "\n    "),), None),
        (F, (F.replace("1", "2"), F), None),
        (F, (F, "class C:\n    def f(self):\n        pass"), None),
        (F, ("def g(:\n", "%%cython\ncdef f(int x): return"), None),
        ("import functools\n@functools.lru_cache\n" + F, ("@functools.lru_cache\n" + F,), None),
        ("f = len", (), None),
        ("f = lambda x: x", (), None),
        ("def g(x):\n    return 1\nf = g", ("def g(x):\n    return 1\nf = g",), None),
        (F, (F.replace("1", "2"),), "another version"),
        (F, (F, F.replace("1", "2")), "another version"),
        (F, ("def g(x):\n    return 1",), "does not define it"),
        (F, (), "does not define it"),
    ],
)
def test_a_function_that_ran_is_looked_for_in_what_is_saved(ran, ran_cell, saved, said):
    found = unsaved_functions(notebook_of(*saved), ran(ran_cell), ["f", "not_written"])
    assert (found == {}) if said is None else (said in found["f"])


def test_the_notebook_is_found_as_its_editor_names_it_else_by_its_name_else_by_its_lab(
    tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(SESSION, raising=False)
    with pytest.raises(FileNotFoundError, match=r"no notebook toy\.ipynb lies in"):
        this_notebook("toy.ipynb")
    text = json.dumps(notebook_of(F, 'hand_in(grader, "toy.ipynb")'))
    (tmp_path / "toy_colab.ipynb").write_text(json.dumps(notebook_of(F)))
    (tmp_path / "mine.ipynb").write_text(text)
    (tmp_path / "scratch.ipynb").write_text("{}")
    assert this_notebook("toy.ipynb") == "mine.ipynb"
    (tmp_path / "copy.ipynb").write_text(text)
    with pytest.raises(FileNotFoundError, match=r"copy\.ipynb, mine\.ipynb"):
        this_notebook("toy.ipynb")
    (tmp_path / "toy.ipynb").write_text(text)
    assert this_notebook("toy.ipynb") == "toy.ipynb"
    monkeypatch.setenv(SESSION, os.fspath(tmp_path / "copy.ipynb"))
    assert this_notebook("toy.ipynb") == "copy.ipynb"
    monkeypatch.setenv(SESSION, os.fspath(tmp_path / "scratch.ipynb"))
    assert this_notebook("toy.ipynb") == "toy.ipynb", "a scratch notebook holds no checks"
    monkeypatch.setattr(
        sys.modules["__main__"], "__vsc_ipynb_file__", str(tmp_path / "mine.ipynb"), raising=False
    )
    assert this_notebook("toy.ipynb") == "mine.ipynb"
