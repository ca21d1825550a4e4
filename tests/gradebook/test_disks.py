"""The disk is full, or the file has gone, while grading goes on: a sentence, and nothing lost."""

from __future__ import annotations

import subprocess
import sys

import pytest

from autograder.gradebook import Gradebook, GradebookError

FILLER = """
import resource, sys
from autograder.gradebook import Gradebook, GradebookError
from autograder.records import CheckResult, ExerciseGrade, Grade, Outcome, Run

url, limit = sys.argv[1:]
run = Run(assignment="a", course_revision="r", seed="s", isolation="none", models=("tiny",))
with Gradebook.open(url) as book:
    number = book.start_run(run)
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(limit), int(limit)))
    for n in range(10_000):
        failed = Outcome.FAILED
        text = "m" * 2000
        check = CheckResult(
            name="check", title="", hidden=False, points=1, outcome=failed, message=text
        )
        exercise = ExerciseGrade(name="exercise", checks=(check,))
        name = f"{n:04}.py"
        grade = Grade(student=name, submission=name, digest=f"sha256:{n}", exercises=(exercise,))
        try:
            book.record(number, grade)
        except GradebookError as error:
            print(error, file=sys.stderr)
            break
        print(name, flush=True)
"""


@pytest.mark.slow
def test_a_full_disk_is_one_sentence_and_what_was_kept_stays(tmp_path):
    url = f"sqlite:///{tmp_path / 'g.db'}"
    ended = subprocess.run(
        [sys.executable, "-c", FILLER, url, str(400_000)], capture_output=True, text=True
    )
    assert ended.returncode == 0, ended.stderr
    (said,) = ended.stderr.strip().splitlines()
    assert "g.db cannot" in said
    assert "disk" in said
    kept = ended.stdout.split()
    assert 10 < len(kept) < 1_000
    with Gradebook.open(url) as book:
        assert [name for name, _ in book.held("a", "r")] == kept
        assert book.interrupted("a", "r").seed == "s"


def test_a_gradebook_that_was_removed_is_not_begun_anew(tmp_path, small_class):
    path = tmp_path / "g.db"
    with Gradebook.open(str(path)) as book:
        number = book.start_run(small_class.run)
        path.rename(tmp_path / "elsewhere.db")
        with pytest.raises(GradebookError, match=r"g\.db has gone.*Put it back$"):
            book.record(number, small_class.grades[0])
        assert not path.exists()
        (tmp_path / "elsewhere.db").rename(path)
        book.record(number, small_class.grades[0])
        assert len(book.latest("moe_router_analysis").grades) == 1


def test_a_gradebook_that_was_replaced_by_an_empty_file_says_so(tmp_path, small_class):
    path = tmp_path / "g.db"
    with Gradebook.open(str(path)) as book:
        number = book.start_run(small_class.run)
        for file in tmp_path.iterdir():
            file.unlink()
        path.touch()
        with pytest.raises(GradebookError, match="has lost its tables"):
            book.record(number, small_class.grades[0])
