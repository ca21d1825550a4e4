"""Whether an SQLite file is built as this program builds gradebooks, and holds nothing besides.

A database that somebody left where one is looked for can hold triggers, views in the place of
tables, constraints and computed columns, and these would run or answer as soon as it is used. So
what it declares is compared, before anything else is read, with what the migrations make.
"""

from __future__ import annotations

import re
from functools import lru_cache

from sqlalchemy import Connection, create_engine
from sqlalchemy.pool import StaticPool

from autograder.gradebook.errors import GradebookError
from autograder.gradebook.migrate import REVISIONS, migrate

Declared = frozenset[tuple[str, str, str]]  # kind, name, and the words that declare it

_DECLARED = "SELECT type, name, tbl_name, sql FROM sqlite_master"
_MARKER, _ALEMBIC = "moelab_schema", "alembic_version"


def check_shape(connection: Connection, place: str) -> None:
    """Raise `GradebookError` where an SQLite database declares what no gradebook does.

    A database that is not a gradebook at all is left to others.
    """
    if connection.dialect.name != "sqlite":
        return
    connection.exec_driver_sql("PRAGMA trusted_schema = OFF")
    found = _declared(connection)
    if not any(name == _MARKER for _, name, _ in found):
        return
    known = [_made_by_migrations(revision) for revision in REVISIONS]
    known.append(frozenset(one for one in known[0] if one[1] != _ALEMBIC))  # before Alembic
    if found in known:
        return
    foreign = min((found - one for one in known), key=len)
    kind, name, _ = min(foreign, default=("table", "that is missing", ""))
    raise GradebookError(
        f"{place} was not made by moelab alone, or was changed by hand: the {kind} {name} is not "
        "as in a gradebook. Name another file, or restore a copy"
    )


@lru_cache
def _made_by_migrations(revision: str) -> Declared:
    """What a gradebook of a revision declares."""
    engine = create_engine("sqlite://", poolclass=StaticPool)
    try:
        with engine.begin() as connection:
            migrate(connection, "", to=revision)
            return _declared(connection)
    finally:
        engine.dispose()


def _declared(connection: Connection) -> Declared:
    return frozenset(
        (kind, name, " ".join(_words(sql)) or f"of {table}")
        for kind, name, table, sql in connection.exec_driver_sql(_DECLARED).all()
        if not _is_sqlites_own(kind, name, sql)
    )


def _words(sql: str | None) -> list[str]:
    """A declaration's words and signs, whatever stands between them."""
    return re.findall(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|\w+|[^\s\w]", sql or "")


def _is_sqlites_own(kind: str, name: str, sql: str | None) -> bool:
    """Tables that SQLite makes by itself, and the indexes that follow from a table's keys."""
    statistics = name in ("sqlite_sequence", "sqlite_stat1", "sqlite_stat4")
    if kind == "table":
        return statistics
    return kind == "index" and name.startswith("sqlite_autoindex_") and sql is None
