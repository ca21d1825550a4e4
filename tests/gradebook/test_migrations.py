"""Gradebooks of older versions go on in this one; the tables are what the migrations make."""

from __future__ import annotations

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from autograder.gradebook import Gradebook
from autograder.gradebook.migrate import MIGRATIONS
from autograder.gradebook.schema import SCHEMA_REVISION, metadata
from autograder.records import Outcome

VERSION_1 = (Path(__file__).parent / "version_1.sql").read_text(encoding="utf-8")


def version_1(path: Path) -> Path:
    """A gradebook that version 1 made."""
    with sqlite3.connect(path) as database:
        database.executescript(VERSION_1)
    return path


def test_the_newest_migration_is_the_one_that_the_schema_names():
    assert ScriptDirectory(str(MIGRATIONS)).get_heads() == [SCHEMA_REVISION]


def test_the_migrations_make_exactly_the_tables_of_the_schema(book):
    with book._engine.connect() as connection:
        context = MigrationContext.configure(connection)
        assert compare_metadata(context, metadata) == []


def test_a_gradebook_of_version_1_is_upgraded_in_place(tmp_path, make_grade, run):
    path = version_1(tmp_path / "g.db")
    with Gradebook.open(str(path), create=False) as book:
        first, second = book.latest("moe_router_analysis").grades
        assert first.replaced_by == "ada-2.ipynb"
        assert first.exercises == make_grade().exercises
        note = "does not count: the same student's newest submission is ada-2.ipynb"
        assert first.notes == (note,)
        assert second == make_grade(
            submission="ada-2.ipynb",
            digest="sha256:2",
            outcomes=(Outcome.PASSED, Outcome.FAILED),
        )
        assert book.interrupted("moe_router_analysis", "rev-1") is None
        assert len(book.held("moe_router_analysis", "rev-1")) == 2
        book.record(book.start_run(run), make_grade("bob"))
        assert len(book.latest("moe_router_analysis").grades) == 3
    with sqlite3.connect(path) as database:
        assert database.execute("pragma foreign_key_check").fetchall() == []
        assert database.execute("select version from moelab_schema").fetchall() == [(11,)]


def test_programs_that_open_an_old_gradebook_at_once_upgrade_it_once(tmp_path):
    path = str(version_1(tmp_path / "g.db"))

    def read(_: int) -> int:
        with Gradebook.open(path) as book:
            return len(book.latest("moe_router_analysis").grades)

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(read, range(4))) == [2] * 4
