"""A file that is not built as a gradebook is none, whatever its tables are called."""

from __future__ import annotations

import sqlite3

import pytest

from autograder.gradebook import Gradebook, GradebookError

PLANTED = {
    "a trigger": "CREATE TRIGGER t AFTER INSERT ON attempts BEGIN DELETE FROM runs; END",
    "a trigger with a name of SQLite's": (
        "CREATE TRIGGER autoindex_1 BEFORE INSERT ON check_results BEGIN SELECT RAISE(IGNORE); END"
    ),
    "a view": "CREATE VIEW grades AS SELECT * FROM attempts",
    "a table": "CREATE TABLE notes (text)",
    "a virtual table": "CREATE VIRTUAL TABLE words USING fts5(text)",
    "an index on an expression": "CREATE INDEX i ON attempts (abs(id))",
    "an index on a part": "CREATE UNIQUE INDEX i ON attempts (student) WHERE student = 'ada'",
    "a computed column": "ALTER TABLE attempts ADD COLUMN more AS (student || 'x')",
    "a column": "ALTER TABLE check_results ADD COLUMN more TEXT DEFAULT 'passed'",
    "a table's name": "ALTER TABLE pictures RENAME TO paintings",
    "no index": "DROP INDEX ix_runs_assignment",
}
REWRITTEN = {
    "a table that is a view": """
        ALTER TABLE pictures RENAME TO p; CREATE VIEW pictures AS SELECT * FROM p""",
    "a constraint of its own": """
        DROP TABLE run_ends; CREATE TABLE run_ends (
            run_id INTEGER NOT NULL CHECK (run_id < 0), ended DATETIME NOT NULL)""",
    "a default": """
        DROP TABLE run_ends; CREATE TABLE run_ends (
            run_id INTEGER NOT NULL, ended DATETIME NOT NULL DEFAULT (randomblob(9)))""",
}


@pytest.mark.parametrize(
    "script", [*PLANTED.values(), *REWRITTEN.values()], ids=[*PLANTED, *REWRITTEN]
)
@pytest.mark.parametrize("create", [True, False])
def test_what_no_migration_makes_is_refused(tmp_path, script, create):
    path = tmp_path / "gradebook.db"
    Gradebook.open(str(path)).close()
    with sqlite3.connect(path) as database:
        database.executescript(script)
    before = path.read_bytes()
    with pytest.raises(GradebookError, match=r"not made by moelab alone.*Name another file"):
        Gradebook.open(str(path), create=create)
    assert path.read_bytes() == before


def test_a_gradebook_that_was_compacted_and_analysed_is_still_one(tmp_path, make_grade, run):
    path = tmp_path / "gradebook.db"
    with Gradebook.open(str(path)) as book:
        book.record(book.start_run(run), make_grade("ada"))
    with sqlite3.connect(path, isolation_level=None) as database:
        database.execute("ANALYZE")
        database.execute("VACUUM")
    with Gradebook.open(str(path), create=False) as book:
        assert [grade.student for grade in book.latest(run.assignment).grades] == ["ada"]
