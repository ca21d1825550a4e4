"""The student notebook and the files around it."""

from __future__ import annotations

import base64
import json
import re
import zipfile

import nbclient
import nbformat
import pytest
import torch

from autograder import Effort
from autograder.edition.errors import BuildError
from autograder.edition.notebook import solved_notebook, student_notebook
from autograder.edition.source import solution_source, stub_source
from autograder.edition.write import build, stale_files, student_files
from autograder.receipt import read_handed_in

pytestmark = pytest.mark.slow


def test_a_rebuild_is_byte_identical(toy_course, tmp_path):
    assignment = toy_course.load()
    build([assignment], tmp_path)
    written = (tmp_path / "assignments").rglob("*.*")
    before = {path: path.read_bytes() for path in written if path.is_file()}
    assert build([assignment], tmp_path) == []
    assert before
    assert {path: path.read_bytes() for path in before} == before


def test_the_notebook_is_valid_and_its_cells_have_telling_names(toy_course):
    notebook = nbformat.reads(student_notebook(toy_course.load()), as_version=4)
    nbformat.validate(notebook)
    names = [cell.id for cell in notebook.cells]
    assert names[:5] == ["setup", "prose-1-1", "prose-1-2", "prose-1-3", "expert_load-statement"]
    assert names[-3:] == ["hand-in", "check-all", "export"]
    assert len(set(names)) == len(names)


def test_prose_becomes_cells_and_its_comment_is_left_out(toy_course):
    notebook = nbformat.reads(student_notebook(toy_course.load()), as_version=4)
    _, first, code, rest, *_ = notebook.cells
    assert first.source.startswith("# Toy lab")
    assert (code.cell_type, code.source[:12]) == ("code", "import torch")
    assert "```text\nexpert 0: ##" in rest.source
    assert "shown before the exercises" not in student_notebook(toy_course.load())


def test_a_statement_tells_number_title_and_points(toy_course):
    notebook = nbformat.reads(student_notebook(toy_course.load()), as_version=4)
    cells = {cell.id: cell.source for cell in notebook.cells}
    assert cells["busiest_expert-statement"].startswith(
        "## Exercise 2: The busiest expert\n\n**2.5 points**, 1 of them"
    )


def test_a_picture_is_a_cell_that_holds_it(toy_course):
    picture = b"\x89PNG\r\n\x1a\n and so on"
    (toy_course.folder / "toy" / "prose" / "tree.png").write_bytes(picture)
    toy_course.edit("prose/introduction.md", "```text", "![A tree.](tree.png)\n\n```text")
    notebook = nbformat.reads(student_notebook(toy_course.load()), as_version=4)
    (cell,) = (cell for cell in notebook.cells if "A tree" in cell.source)
    held = cell.source.removeprefix("![A tree.](data:image/png;base64,").removesuffix(")")
    assert base64.b64decode(held, validate=True) == picture


@pytest.mark.parametrize(("data", "message"), [(b"<svg/>", "is no PNG"), (None, "cannot read")])
def test_a_picture_that_colab_would_not_show_is_refused(toy_course, data, message):
    if data is not None:
        (toy_course.folder / "toy" / "prose" / "tree.svg").write_bytes(data)
    toy_course.edit("prose/introduction.md", "```text", "![A tree.](tree.svg)\n\n```text")
    with pytest.raises(BuildError, match=message):
        student_notebook(toy_course.load())


def test_a_heading_says_how_hard_how_important_and_how_long(toy_course):
    toy_course.edit(
        "busiest_expert.py",
        'Exercise("busiest_expert")',
        'Exercise("busiest_expert", effort=Effort(difficulty=2, importance=5, minutes=20))',
    )
    toy_course.edit(
        "busiest_expert.py", "from autograder import ", "from autograder import Effort, "
    )
    notebook = nbformat.reads(student_notebook(toy_course.load()), as_version=4)
    cells = {cell.id: cell.source for cell in notebook.cells}
    effort = "Difficulty ●●○○○ · importance ●●●●● · about 20 minutes"
    assert effort in cells["busiest_expert-statement"]
    assert "Difficulty" not in cells["expert_load-statement"]
    with pytest.raises(ValueError, match="difficulty is 6"):
        Effort(difficulty=6, importance=1, minutes=1)


def test_an_unclosed_python_block_is_refused(toy_course):
    toy_course.edit("prose/introduction.md", "[2, 1]])\n```", "[2, 1]])")
    toy_course.edit("prose/introduction.md", "```text", "")
    toy_course.edit("prose/introduction.md", "#####\n```", "#####")
    with pytest.raises(BuildError, match="never closed"):
        student_notebook(toy_course.load())


def test_nothing_hidden_is_in_any_written_file(toy_course):
    assignment = toy_course.load()
    everything = "\n".join(student_files(assignment).values())
    for exercise in assignment.exercises:
        for check in (check for check in exercise.checks if check.hidden):
            assert check.name not in everything
            assert check.title not in everything
        for solution in (*exercise.wheats, *exercise.chaffs):
            assert solution.name not in everything
    for line in ("counts.sum()", "torch.nonzero", "load.max() - load.min()", "sorted("):
        assert line not in json.dumps(json.loads(student_notebook(assignment)))


def test_check_tells_missing_changed_and_surplus_files_and_writes_nothing(toy_course, tmp_path):
    assignment = toy_course.load()
    build([assignment], tmp_path)
    folder = tmp_path / "assignments" / "toy"
    (folder / "README.md").unlink()
    (folder / "toy.ipynb").write_text("{}")
    (folder / "old.py").write_text("")
    (folder / ".ipynb_checkpoints").mkdir()
    (folder / ".ipynb_checkpoints" / "toy.ipynb").write_text("{}")
    told = build([assignment], tmp_path, check=True)
    assert told == [
        "assignments/toy/toy.ipynb is out of date: run `moelab build toy` and commit it",
        "assignments/toy/README.md is missing: run `moelab build toy` and commit it",
        "assignments/toy/old.py is not part of the student edition: delete it",
    ]
    assert not (folder / "README.md").exists()


def test_build_repairs_what_check_tells_and_deletes_nothing_of_others(toy_course, tmp_path):
    assignment = toy_course.load()
    build([assignment], tmp_path)
    folder = tmp_path / "assignments" / "toy"
    (folder / "toy.ipynb").write_text("{}")
    (folder / "notes.txt").write_text("mine")
    assert build([assignment], tmp_path) == [
        "wrote assignments/toy/toy.ipynb",
        "assignments/toy/notes.txt is not part of the student edition: delete it",
    ]
    assert (folder / "notes.txt").read_text() == "mine"


def test_line_endings_of_another_platform_are_not_out_of_date(toy_course, tmp_path):
    assignment = toy_course.load()
    build([assignment], tmp_path)
    path = tmp_path / "assignments" / "toy" / "README.md"
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert stale_files(assignment, tmp_path) == []


def test_a_solved_notebook_holds_references_and_what_replaces_them(toy_course):
    notebook = nbformat.reads(
        solved_notebook(toy_course.load(), {"busiest_expert": "def busiest_expert(load): ..."}),
        as_version=4,
    )
    cells = {cell.id: cell.source for cell in notebook.cells}
    assert "counts / counts.sum()" in cells["expert_load-code"]
    assert cells["busiest_expert-code"] == "def busiest_expert(load): ..."


def test_a_replacement_for_an_unknown_exercise_is_refused(toy_course):
    with pytest.raises(BuildError, match="no exercise 'nonsense'"):
        solved_notebook(toy_course.load(), {"nonsense": ""})


def test_in_a_real_kernel_checks_tell_and_the_export_holds_the_notebook(toy_course, tmp_path):
    assignment = toy_course.load()
    build([assignment], tmp_path)
    folder = tmp_path / "assignments" / "toy"
    stub = stub_source(assignment.exercise("busiest_expert"))
    broken = "def load_gap(indices, num_experts):\n    return num_experts / 0\n"
    solved = solved_notebook(assignment, {"busiest_expert": stub, "load_gap": broken})
    (folder / "toy.ipynb").write_text(solved, encoding="utf-8")
    notebook = nbformat.reads(solved, as_version=4)

    nbclient.NotebookClient(
        notebook, timeout=300, kernel_name="python3", resources={"metadata": {"path": str(folder)}}
    ).execute()

    told = {cell.id: shown(cell) for cell in notebook.cells if cell.cell_type == "code"}
    assert "expert_load results: All test cases passed!" in told["expert_load-check"]
    assert (
        "busiest_expert is not written yet: replace `raise NotImplementedError`"
        in told["busiest_expert-check"]
    )
    assert "load_gap raised ZeroDivisionError: division by zero" in told["load_gap-check"]
    assert "return num_experts / 0" in told["load_gap-check"]
    results = re.findall(r"(\w+) results:", told["check-all"])
    assert results == [exercise.name for exercise in assignment.exercises], "in their order"
    (exported,) = folder.glob("toy_*.zip")
    with zipfile.ZipFile(exported) as archive:
        assert "toy.ipynb" in archive.namelist()
        assert ".OTTER_LOG" not in archive.namelist()
        assert archive.read("toy.ipynb").decode() == solved
    handed_in = read_handed_in(exported, toy_course.name)
    assert (handed_in.problems, handed_in.remarks) == ((), ())
    passed = {row["exercise"]: row["passed"] for row in handed_in.receipt["results"]}
    assert passed == {"expert_load": True, "busiest_expert": False, "load_gap": False}
    assert "1 of 3 public checks pass; toy.receipt.json says so." in told["export"]


def shown(cell: nbformat.NotebookNode) -> str:
    """What a cell printed and returned, as text."""
    data = (output.get("data", {}).get("text/plain", "") for output in cell.outputs)
    return "\n".join([*data, *(output.get("text", "") for output in cell.outputs)])


def test_solutions_of_the_whole_course_fit_into_one_notebook(toy_course):
    assignment = toy_course.load()
    sources = {e.name: solution_source(e, e.wheats[0].function) for e in assignment.exercises}
    notebook = nbformat.reads(solved_notebook(assignment, sources), as_version=4)
    namespace: dict[str, object] = {}
    for cell in notebook.cells:
        if cell.id.endswith("-code"):
            exec(compile(cell.source, cell.id, "exec"), namespace)
    assert {e.name for e in assignment.exercises} <= namespace.keys()


def test_helpers_of_two_exercises_with_one_name_do_not_disturb_each_other(toy_course):
    helper = "def _share(value):\n    return value * {factor}\n\n\n"
    for file, factor in (("busiest_expert.py", 1), ("load_gap/__init__.py", 2)):
        toy_course.edit(
            file, "@exercise.solution", helper.format(factor=factor) + "@exercise.solution"
        )
    toy_course.edit("busiest_expert.py", "largest = load.max()", "largest = _share(load.max())")
    toy_course.edit("load_gap/__init__.py", "load.max() - load.min()", "_share(load.max())")
    assignment = toy_course.load()
    notebook = nbformat.reads(solved_notebook(assignment, {}), as_version=4)
    namespace: dict[str, object] = {}
    for cell in notebook.cells:
        if cell.id.endswith("-code"):
            exec(compile(cell.source, cell.id, "exec"), namespace)
    assert namespace["busiest_expert"](torch.tensor([0.1, 0.4])) == 1
    assert namespace["load_gap"](torch.tensor([[0], [0]]), 2) == 2.0
