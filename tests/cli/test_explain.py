"""Why a student lost a point: `moelab explain`, for the instructor and nobody else."""

from __future__ import annotations

from pathlib import Path

import pytest

from autograder.cli.main import run

pytestmark = [pytest.mark.slow, pytest.mark.sandbox]

# Of the made-up student's code, prints and exception: nothing of it is for a page of students.
ADA = '''
CANARY_OF_A_CONSTANT = 1

def _canary_helper(indices):
    """CANARY_OF_A_HELPER"""
    return indices  # CANARY_OF_A_COMMENT

def expert_load(indices, num_experts):
    import torch
    print("CANARY_PRINTED", _canary_helper(indices).tolist())
    return torch.bincount(indices.flatten(), minlength=num_experts) / len(indices)

def busiest_expert(load):
    CANARY_OF_A_LOCAL = [0]
    return CANARY_OF_A_LOCAL[len(load) + 4711]
'''


@pytest.fixture(scope="module")
def graded(tmp_path_factory) -> Path:
    """A folder with a gradebook of one student, and every file that is meant for students."""
    folder = tmp_path_factory.mktemp("explained")
    (folder / "submissions").mkdir()
    (folder / "submissions" / "ada.py").write_text(ADA, encoding="utf-8")
    toy = Path(__file__).parents[1] / "courses" / "toycourse"
    book = ("--gradebook", f"sqlite:///{folder}/gradebook.db", "--seed", "one", "--jobs", "1")
    files = [
        *("--feedback", f"{folder}/feedback", "--gradescope", f"{folder}/gradescope.json"),
        *("--html", f"{folder}/report", "--csv", f"{folder}/table.csv"),
    ]
    where = ("--course", str(toy), "--assignment", "toy")
    assert run(["grade", f"{folder}/submissions", *where, *book, *files]) == 0
    return folder


@pytest.fixture
def explained(graded, capsys, monkeypatch):
    def explain(*arguments: str, status: int = 0) -> str:
        monkeypatch.setenv("COLUMNS", "120")
        capsys.readouterr()
        book = ("--gradebook", f"sqlite:///{graded}/gradebook.db")
        assert run(["explain", *arguments, *book]) == status
        printed = capsys.readouterr()
        return printed.err if status else " ".join(printed.out.split())

    return explain


def test_a_lost_point_is_explained_with_what_the_check_saw_and_the_students_code(explained):
    told = explained("ada", "expert_load")
    assert "The shares add up to one. (failed, public; 0 of 1)" in told
    assert "call expert_load(" in told
    assert "expected [" in told
    assert "“The shares are a float tensor with one entry per expert, and add up to one.”" in told
    assert "the shares add up to 2.000, not 1" in told
    assert "Divides by tokens" in told
    assert "0 of 1 pass it (0 %)" in told
    assert "return torch.bincount(indices.flatten(), minlength=num_experts) / len(indices)" in told
    assert "CANARY_OF_A_COMMENT" in told, "the helpers that the function names are shown, too"
    assert "CANARY_OF_A_LOCAL" not in told, "nothing of another exercise"


def test_one_check_is_meant_by_its_name_or_title_also_where_it_passed(explained):
    by_name = explained("ada", "expert_load", "sums_to_one")
    assert by_name == explained("ADA", "expert_load", "The shares add up to one.")
    assert "keeps" not in by_name
    assert "Did you mean 'expert_load'?" in explained("ada", "expert_loads", status=2)
    assert "nobody called 'bob'" in explained("bob", status=2)


def test_a_check_is_run_once_more_with_the_students_prints_and_traceback(explained):
    toy = str(Path(__file__).parents[1] / "courses" / "toycourse")
    told = explained("ada", "--rerun", "--course", toy)
    assert "CANARY_PRINTED [[0, 1], [2, 3]]" in told, "under the recorded seed, the same inputs"
    assert "not as when it was graded" not in told
    assert "Traceback (most recent call last):" in told
    assert "IndexError: list index out of range" in told
    assert "overheard.py" not in told, "only the student's own frames"


def test_a_file_that_changed_or_went_is_not_run_in_its_place(graded, explained, tmp_path):
    assert "say where it is with --submissions" in explained(
        "ada", "--rerun", "--submissions", str(tmp_path), status=2
    )
    (tmp_path / "ada.py").write_text(ADA + "\n", encoding="utf-8")
    changed = explained("ada", "--rerun", "--submissions", str(tmp_path), status=2)
    assert "has changed since it was graded" in changed


def test_code_and_evidence_are_in_the_class_report_and_in_nothing_for_students(graded):
    page = (graded / "report" / "index.html").read_text(encoding="utf-8")
    for canary in ("CANARY_OF_A_HELPER", "CANARY_OF_A_COMMENT", "CANARY_OF_A_LOCAL"):
        assert canary in page
    for path in [*(graded / "feedback").rglob("*"), graded / "gradescope.json"]:
        assert not path.is_file() or b"CANARY" not in path.read_bytes(), path
