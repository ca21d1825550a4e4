"""A gradebook that cannot be used gives one clear sentence, and loses nothing."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from autograder.gradebook import Gradebook, GradebookError

WRITER = """
import sys
from autograder.gradebook import Gradebook
from autograder.records import Grade, Run

url, who, how_many, end = sys.argv[1:]
run = Run(assignment="a", course_revision="r", seed=who, isolation="namespaces", models=("tiny",))
with Gradebook.open(url) as book:
    number = book.start_run(run)
    for n in range(int(how_many)):
        name = f"{who}-{n}.ipynb"
        grade = Grade(student=name, submission=name, digest=f"sha256:{n}", exercises=())
        book.record(number, grade)
        print(name, flush=True)
    if end == "killed":
        import os, signal
        os.kill(os.getpid(), signal.SIGKILL)
"""


def writer(url: str, who: str, how_many: int, end: str = "done") -> subprocess.Popen[str]:
    command = [sys.executable, "-c", WRITER, url, who, str(how_many), end]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def sentence(raised: pytest.ExceptionInfo[GradebookError]) -> str:
    text = str(raised.value)
    assert "\n" not in text
    assert "Traceback" not in text
    assert len(text) < 240
    return text


def test_what_was_graded_before_a_kill_is_held_afterwards(tmp_path):
    url = f"sqlite:///{tmp_path / 'g.db'}"
    killed = writer(url, "ada", 5, "killed")
    printed = killed.communicate()[0].split()
    assert killed.returncode == -9
    with Gradebook.open(url) as book:
        assert [name for name, _ in book.held("a", "r")] == sorted(printed)


@pytest.mark.slow
def test_processes_that_write_at_once_lose_and_double_nothing(tmp_path):
    url = f"sqlite:///{tmp_path / 'g.db'}"
    writers = [writer(url, who, 15) for who in ("ada", "bob", "eve")]
    for each in writers:
        each.communicate()
        assert each.returncode == 0
    with Gradebook.open(url) as book:
        names = [grade.submission for grade in book.latest("a").grades]
        with book._engine.connect() as connection:
            rows = connection.exec_driver_sql("select count(*) from attempts").scalar()
    expected = sorted(f"{who}-{n}.ipynb" for who in ("ada", "bob", "eve") for n in range(15))
    assert names == expected
    assert rows == len(expected)


def test_reports_are_read_while_another_process_writes(tmp_path, small_class):
    path = tmp_path / "g.db"
    with Gradebook.open(str(path)) as book:
        book.record(book.start_run(small_class.run), small_class.grades[0])
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        assert len(book.latest("moe_router_analysis").grades) == 1
        other.close()


def test_a_locked_gradebook_is_one_sentence_and_keeps_what_it_holds(tmp_path, small_class):
    path = tmp_path / "g.db"
    first, second, _ = small_class.grades
    with Gradebook.open(str(path), wait=0.05) as book:
        number = book.start_run(small_class.run)
        book.record(number, first)
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(GradebookError, match="in use by another program") as raised:
            book.record(number, second)
        sentence(raised)
        other.close()
        book.record(number, second)
        assert len(book.latest("moe_router_analysis").grades) == 2


def test_a_file_that_is_no_database_is_left_as_it_is(tmp_path):
    path = tmp_path / "notes.txt"
    path.write_text("Not a database, but something dear. " * 40)
    before = path.read_bytes()
    with pytest.raises(GradebookError, match="not an SQLite database") as raised:
        Gradebook.open(f"sqlite:///{path}")
    assert str(path) in sentence(raised)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_database_of_another_program_is_left_as_it_is(tmp_path):
    path = tmp_path / "other.db"
    with sqlite3.connect(path) as other:
        other.execute("create table songs (title text)")
    before = path.read_bytes()
    with pytest.raises(GradebookError, match="another program") as raised:
        Gradebook.open(f"sqlite:///{path}")
    sentence(raised)
    assert path.read_bytes() == before


def test_a_gradebook_of_a_newer_version_is_refused(tmp_path):
    path = tmp_path / "g.db"
    Gradebook.open(str(path)).close()
    with sqlite3.connect(path) as newer:
        newer.execute("update alembic_version set version_num = '0099'")
    before = path.read_bytes()
    for create in (True, False):
        with pytest.raises(GradebookError, match="newer version of moelab") as raised:
            Gradebook.open(str(path), create=create)
        assert "0099" in sentence(raised)
    assert path.read_bytes() == before


def test_reading_does_not_make_a_gradebook(tmp_path):
    path = tmp_path / "typo.db"
    with pytest.raises(GradebookError, match="no such gradebook") as raised:
        Gradebook.open(str(path), create=False)
    sentence(raised)
    assert not path.exists()


def test_an_empty_file_is_not_taken_for_a_gradebook_when_reading(tmp_path):
    path = tmp_path / "empty.db"
    path.touch()
    with pytest.raises(GradebookError, match="nothing has been graded"):
        Gradebook.open(str(path), create=False)
    assert path.stat().st_size == 0


def test_a_folder_that_does_not_exist_is_one_sentence(tmp_path):
    with pytest.raises(GradebookError, match="cannot be opened") as raised:
        Gradebook.open(f"sqlite:///{tmp_path / 'missing' / 'g.db'}")
    sentence(raised)


def test_a_folder_in_place_of_a_file_is_one_sentence(tmp_path):
    with pytest.raises(GradebookError, match="cannot be opened") as raised:
        Gradebook.open(f"sqlite:///{tmp_path}")
    sentence(raised)


@pytest.mark.parametrize("url", ["mysql://host/name", "sqlite3://x", "://", "postgresql://h:x/y"])
def test_a_url_that_is_no_gradebook_is_one_sentence(url):
    with pytest.raises(GradebookError) as raised:
        Gradebook.open(url)
    sentence(raised)


def test_a_password_never_shows_in_a_message():
    with pytest.raises(GradebookError) as raised:
        Gradebook.open("postgresql+nodriver://ada:hunter2@localhost/grades")
    assert "hunter2" not in sentence(raised)


def test_a_damaged_row_is_one_sentence(tmp_path, small_class):
    path = tmp_path / "g.db"
    with Gradebook.open(str(path)) as book:
        book.record(book.start_run(small_class.run), small_class.grades[0])
    with sqlite3.connect(path) as vandal:
        vandal.execute("update check_results set outcome = 'perfect'")
    with (
        Gradebook.open(str(path)) as book,
        pytest.raises(GradebookError, match="perfect") as raised,
    ):
        book.latest("moe_router_analysis")
    sentence(raised)


def test_a_gradebook_can_live_in_memory(small_class):
    with Gradebook.open("sqlite://") as book:
        book.record(book.start_run(small_class.run), small_class.grades[0])
        assert len(book.latest("moe_router_analysis").grades) == 1


def test_opening_again_changes_nothing(tmp_path: Path, small_class):
    path = tmp_path / "g.db"
    with Gradebook.open(str(path)) as book:
        book.record(book.start_run(small_class.run), small_class.grades[0])
        before = book.latest("moe_router_analysis")
    with Gradebook.open(str(path)) as again:
        assert again.latest("moe_router_analysis") == before
