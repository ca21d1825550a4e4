"""A PostgreSQL server that is busy, gone, or another one than was meant: one clear sentence."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import psycopg
import pytest
from postgres_server import Server, programs, running_server

from autograder.gradebook import Gradebook, GradebookError


def sentence(raised: pytest.ExceptionInfo[GradebookError]) -> str:
    text = str(raised.value)
    assert "\n" not in text
    assert len(text) < 300
    return text


@pytest.fixture
def own_server() -> Server:
    """A server that the test may stop."""
    folder = programs()
    if folder is None:
        pytest.skip("no PostgreSQL server here: apt-get install postgresql")
    with running_server(folder) as server:
        yield server


@pytest.mark.slow
def test_a_server_that_goes_away_is_one_sentence_and_loses_nothing(own_server, small_class):
    first, second, _ = small_class.grades
    url = own_server.new_database()
    with Gradebook.open(url) as book:
        number = book.start_run(small_class.run)
        book.record(number, first)
        own_server.restart()
        book.record(number, second)  # a new connection, since the old one has ended
        assert len(book.latest("moe_router_analysis").grades) == 2
        own_server.stop()
        with pytest.raises(GradebookError, match="cannot be reached") as raised:
            book.record(number, small_class.grades[2])
        sentence(raised)


def test_a_database_that_does_not_exist_says_so(postgres):
    with pytest.raises(GradebookError, match="does not exist on that server") as raised:
        Gradebook.open(postgres.url("nothing"))
    sentence(raised)


def test_a_server_that_is_not_there_says_so(tmp_path):
    with pytest.raises(GradebookError, match="cannot be reached") as raised:
        Gradebook.open(f"postgresql://ada:hunter2@/grades?host={tmp_path}")
    assert "hunter2" not in sentence(raised)


def test_a_database_of_another_program_is_left_as_it_is(postgres):
    url = postgres.new_database()
    with psycopg.connect(url) as other:
        other.execute("CREATE TABLE songs (title text)")
    with pytest.raises(GradebookError, match="another program") as raised:
        Gradebook.open(url)
    sentence(raised)


def test_an_empty_database_is_not_taken_for_a_gradebook_when_reading(postgres):
    with pytest.raises(GradebookError, match="nothing has been graded"):
        Gradebook.open(postgres.new_database(), create=False)


def test_a_writer_that_holds_the_gradebook_is_waited_for_and_then_named(postgres, small_class):
    url = postgres.new_database()
    with Gradebook.open(url, wait=0.1) as book:
        number = book.start_run(small_class.run)
        with psycopg.connect(url) as other:
            other.execute("SELECT pg_advisory_xact_lock(7364)")
            with pytest.raises(GradebookError, match="in use by another program") as raised:
                book.record(number, small_class.grades[0])
            sentence(raised)
            assert book.assignments() == ()
        book.record(number, small_class.grades[0])
        assert len(book.latest("moe_router_analysis").grades) == 1


OPENER = """
import sys
from autograder.gradebook import Gradebook
from autograder.records import Grade, Run

url, who = sys.argv[1:]
run = Run(assignment="a", course_revision="r", seed=who, isolation="none", models=("tiny",))
with Gradebook.open(url) as book:
    number, run = book.go_on(run)
    for n in range(10):
        name = f"{n}.ipynb"
        grade = Grade(student=name, submission=name, digest=f"sha256:{n}", exercises=())
        book.record_once(number, grade)
"""


@pytest.mark.slow
def test_programs_that_begin_at_once_make_one_gradebook_and_double_nothing(url: str):
    together = [
        subprocess.Popen([sys.executable, "-c", OPENER, url, who], cwd=Path(__file__).parents[2])
        for who in ("ada", "bob", "eve")
    ]
    assert [process.wait() for process in together] == [0, 0, 0]
    with Gradebook.open(url) as book:
        assert len(book.latest("a").grades) == 10
        with book._engine.connect() as connection:
            assert connection.exec_driver_sql("SELECT count(*) FROM attempts").scalar() == 10
            seeds = connection.exec_driver_sql("SELECT count(DISTINCT seed) FROM runs").scalar()
            assert seeds == 1
