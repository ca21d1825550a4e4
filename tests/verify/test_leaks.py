"""What the student edition gives away is found, in whatever form; what is public is not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from autograder.edition.write import build
from autograder.grading.fixtures import Fixtures
from autograder.verify.leaks import files_give_nothing_away
from autograder.verify.prove import verify
from autograder.verify.records import Rule
from autograder.verify.secrets import secrets_of

pytestmark = pytest.mark.slow


def leaks(assignment, root: Path) -> list[str]:
    """What the search for secrets alone says."""
    secrets = secrets_of(assignment.exercises, Fixtures("toy", "verify-1"))
    return [finding.message for finding in files_give_nothing_away(assignment, root, secrets)]


@pytest.fixture
def built(toy_course, tmp_path):
    """A toy assignment with its student edition, and the path of its notebook."""
    assignment = toy_course.load()
    build([assignment], tmp_path)
    return assignment, tmp_path, tmp_path / "assignments" / "toy" / "toy.ipynb"


def add_cell(notebook: Path, source: str, kind: str = "code") -> None:
    content = json.loads(notebook.read_text(encoding="utf-8"))
    cell = {"cell_type": kind, "id": "pasted", "metadata": {}, "source": source.splitlines(True)}
    content["cells"].append(
        cell | ({"outputs": [], "execution_count": None} if kind == "code" else {})
    )
    notebook.write_text(json.dumps(content), encoding="utf-8")


HIDDEN_CHECK = """
def whatever(answer):
    got = answer(torch.tensor( [[0], [1]] ),
                 5)   # five experts
    wrong = difference(got, torch.tensor([0.5,0.5, 0.0, 0.0, 0.0]))
    assert not wrong, 'experts without tokens belong to the result too'
"""


def test_a_fresh_build_gives_nothing_away(built):
    assignment, root, _ = built
    assert leaks(assignment, root) == []


@pytest.mark.parametrize("kind", ["code", "markdown"])
def test_a_hidden_check_pasted_in_another_layout_is_found_by_its_name(built, kind):
    assignment, root, notebook = built
    add_cell(notebook, HIDDEN_CHECK, kind)
    (told,) = leaks(assignment, root)
    assert "toy.ipynb holds the hidden check 'keeps_unused_experts'" in told


def test_a_hidden_check_in_the_notebooks_metadata_is_found(built):
    assignment, root, notebook = built
    content = json.loads(notebook.read_text(encoding="utf-8"))
    content["metadata"]["otter"]["tests"]["expert_load"] += HIDDEN_CHECK
    notebook.write_text(json.dumps(content), encoding="utf-8")
    assert any("'keeps_unused_experts'" in told for told in leaks(assignment, root))


def test_one_telling_line_of_a_hidden_check_is_enough(built):
    assignment, root, notebook = built
    add_cell(
        notebook,
        "for _ in 'ab':\n    x = rng.integers(0, 7, size = (tokens, 2))\n"
        "    y = torch.from_numpy(rng.integers(0, 7, size=(tokens,  2)))",
    )
    add_cell(notebook, "indices = torch.from_numpy(rng.integers(0, 7, size = (tokens, 2)))")
    assert any("'random_routings'" in told for told in leaks(assignment, root))


@pytest.mark.parametrize(
    "text",
    [
        "random_routings",
        "see `keeps_unused_experts`",
        "An expert that no token chose has share zero.",
    ],
)
def test_names_and_titles_of_hidden_checks_are_found_in_any_file(built, text):
    assignment, root, _ = built
    (root / "assignments" / "notes.txt").write_text(text, encoding="utf-8")
    assert [told.partition(" holds the hidden check")[0] for told in leaks(assignment, root)] == [
        "assignments/notes.txt"
    ]


def test_a_name_in_a_file_name_is_found(built):
    assignment, root, _ = built
    (root / "assignments" / "toy" / "test_random_routings.txt").write_text("")
    (root / "assignments" / "toy" / "random_routings.txt").write_text("")
    assert any("random_routings.txt holds" in told for told in leaks(assignment, root))


def test_the_reference_solution_is_found(built):
    assignment, root, notebook = built
    add_cell(
        notebook,
        "def mine(load):\n    if (load.numel() == 0):\n"
        "        raise ValueError('the load of no expert at all')\n    largest=load.max()\n"
        "    return int( torch.nonzero(load==largest).min() )\n",
    )
    (told,) = leaks(assignment, root)
    assert "holds the reference solution" in told


def test_a_helper_of_the_reference_and_a_wheat_are_found(built):
    assignment, root, notebook = built
    add_cell(notebook, "return torch.bincount(indices.reshape(-1), minlength=num_experts) * SLOTS")
    add_cell(
        notebook, "pairs = sorted((-value, index) for index, value in enumerate(load.tolist()))"
    )
    told = "\n".join(leaks(assignment, root))
    assert "counts_of, a part of the reference solution" in told
    assert "the solution 'sorts_pairs'" in told


def test_the_hint_of_a_known_wrong_solution_is_found(built):
    assignment, root, notebook = built
    add_cell(
        notebook, "Returns -1 for an empty load, which Python reads as the last expert.", "markdown"
    )
    (told,) = leaks(assignment, root)
    assert "the hint of the known-wrong solution 'returns_minus_one_for_nothing'" in told


def test_right_answers_are_found_in_outputs(built):
    assignment, root, notebook = built
    check = next(c for c in assignment.exercise("expert_load").checks if c.kind == "agrees")
    cases = Fixtures("toy", "verify-1").cases(assignment.exercise("expert_load"), check)
    content = json.loads(notebook.read_text(encoding="utf-8"))
    answer = str(cases[2].expected.value.tolist())
    content["cells"][0]["outputs"] = [{"output_type": "stream", "name": "stdout", "text": answer}]
    notebook.write_text(json.dumps(content), encoding="utf-8")
    (told,) = leaks(assignment, root)
    assert "right answers of the hidden check 'random_routings'" in told


def test_a_leak_in_the_courses_own_prose_is_found(toy_course, tmp_path):
    toy_course.edit("prose/introduction.md", "Inputs are never changed.", HIDDEN_CHECK)
    assignment = toy_course.load()
    build([assignment], tmp_path)
    notebook, for_colab = leaks(assignment, tmp_path)
    assert "'keeps_unused_experts'" in notebook
    assert "'keeps_unused_experts'" in for_colab


def test_what_is_also_public_is_no_leak(toy_course, tmp_path):
    toy_course.edit(
        "prose/introduction.md",
        "Inputs are never changed.",
        "Think of random_routings. An expert that no token chose has share zero.\n\n"
        "```python\nimport numpy as np\n\n"
        "rng, tokens = np.random.default_rng(1), 3\n"
        "indices = torch.from_numpy(rng.integers(0, 7, size=(tokens, 2)))\n```\n",
    )
    assignment = toy_course.load()
    build([assignment], tmp_path)
    assert leaks(assignment, tmp_path) == []


def test_ordinary_code_of_students_is_no_leak(built):
    assignment, root, notebook = built
    add_cell(
        notebook,
        "load = torch.tensor([0.5, 0.25, 0.25])\nassert busiest_expert(load) == 0\n"
        "raise ValueError('empty')\nreturn counts\n",
    )
    assert leaks(assignment, root) == []


def test_a_notebook_that_is_no_json_is_searched_as_text(built):
    assignment, root, notebook = built
    notebook.write_text("{" + HIDDEN_CHECK, encoding="utf-8")
    assert any("'keeps_unused_experts'" in told for told in leaks(assignment, root))


def test_verify_reports_a_leak_and_the_stale_file_under_rule_6(built):
    assignment, root, notebook = built
    add_cell(notebook, HIDDEN_CHECK)
    report = verify(assignment, root)
    assert {finding.rule for finding in report.findings} == {Rule.FILES}
    assert {finding.exercise for finding in report.findings} == {"", "expert_load"}
    assert any("toy.ipynb is out of date" in finding.message for finding in report.findings)


def test_a_student_edition_that_cannot_be_built_is_a_finding(toy_course, tmp_path):
    (toy_course.folder / "toy" / "prose" / "introduction.md").unlink()
    report = verify(toy_course.load(), tmp_path)
    assert any("cannot read this prose" in finding.message for finding in report.findings)
