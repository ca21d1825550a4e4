"""Reaching the database: which URLs are taken, how SQLite is set up, and errors in plain words."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from sqlalchemy import Connection, Engine, create_engine, event, inspect, make_url, select
from sqlalchemy.engine import URL
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, SQLAlchemyError
from sqlalchemy.pool import ConnectionPoolEntry, NullPool, StaticPool

from autograder.gradebook.schema import SCHEMA_VERSION, metadata, schema_version

_KINDS = ("sqlite", "postgresql")

# What a driver says, and what that means for a person.
_MEANINGS = {
    "not a database": "is not a gradebook: the file is not an SQLite database. Name another file",
    "locked": "is in use by another program. Try again when that has finished",
    "unable to open": "cannot be opened. Check that its folder exists and may be written to",
    "readonly": "is read-only. Copy it to a place that may be written to",
    "disk is full": "cannot grow: the disk is full. Make room and start again",
    "disk I/O": "cannot be read or written: the disk reports an error",
    "malformed": "is damaged. Restore a copy of it",
    "out of range": "cannot keep a number that is this large",
}


class GradebookError(Exception):
    """The gradebook cannot be used; the message says why and what to do, in a sentence."""


def gradebook_url(text: str) -> URL:
    """Read a URL of SQLite or PostgreSQL; a plain path means an SQLite file."""
    if "://" not in text:
        return URL.create("sqlite", database=text)
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        url = None
    if url is None or url.get_backend_name() not in _KINDS:
        raise GradebookError(
            f"{text.split('@')[-1]!r} is not the URL of a gradebook: "
            "write sqlite:///gradebook.db or postgresql://user@host/name"
        )
    return url


def place_of(url: URL) -> str:
    """Where the gradebook is, for messages: a file's path, or the URL without its password."""
    if url.get_backend_name() == "sqlite":
        return f"the gradebook {url.database or 'in memory'}"
    return f"the gradebook {url.render_as_string(hide_password=True)}"


def open_engine(url: URL, *, create: bool, wait: float) -> Engine:
    """Connect, and make sure that the database is a gradebook of this version.

    An empty database becomes a gradebook when `create`; nothing that exists is ever changed.
    `wait` is how many seconds to wait for another program's write to end.
    """
    file = sqlite_file(url)
    if file is not None and not create and not file.exists():
        raise GradebookError(f"{file}: no such gradebook. `moelab grade` makes one")
    with explained(place_of(url)):
        engine = _engine(url, wait)
        _check_schema(engine, place_of(url), create=create)
        if file is not None and create:
            _let_readers_in(engine)
    return engine


def sqlite_file(url: URL) -> Path | None:
    """The file of an SQLite gradebook; `None` for one in memory, a `file:` URI or a server."""
    database = url.database
    if url.get_backend_name() != "sqlite" or not database or database.startswith((":", "file:")):
        return None
    return Path(database)


@contextmanager
def explained(place: str) -> Iterator[None]:
    """Turn the database's errors into one sentence about `place`."""
    try:
        yield
    except (ModuleNotFoundError, NoSuchModuleError) as error:
        missing = getattr(error, "name", None) or "its driver"
        raise GradebookError(
            f"{place} needs the Python package {missing}. Install it, or use sqlite:///FILE"
        ) from error
    except SQLAlchemyError as error:
        said = str(error.orig) if isinstance(error, DBAPIError) else str(error)
        for words, meaning in _MEANINGS.items():
            if words in said:
                raise GradebookError(f"{place} {meaning}.") from error
        raise GradebookError(f"{place} cannot be used: {' '.join(said.split())}") from error


def _engine(url: URL, wait: float) -> Engine:
    if url.get_backend_name() != "sqlite":
        return create_engine(url, pool_pre_ping=True)
    # Connections are opened per use, so that none is carried into a forked process.
    in_memory = sqlite_file(url) is None
    engine = create_engine(url, poolclass=StaticPool if in_memory else NullPool)

    def set_up(connection: sqlite3.Connection, entry: ConnectionPoolEntry) -> None:
        connection.isolation_level = None  # transactions begin below, not when the driver thinks
        connection.execute(f"PRAGMA busy_timeout = {int(wait * 1000)}")
        connection.execute("PRAGMA foreign_keys = ON")

    def begin(connection: Connection) -> None:
        reading = connection.get_execution_options().get("reading", False)
        connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")

    event.listen(engine, "connect", set_up)
    event.listen(engine, "begin", begin)
    return engine


def _let_readers_in(engine: Engine) -> None:
    """Use the write-ahead log, so that reading goes on while another process writes."""
    with engine.connect() as connection:
        driver = connection.connection.driver_connection
        assert isinstance(driver, sqlite3.Connection)
        # The file remembers the mode. Where another process is busy right now, that one set it.
        with suppress(sqlite3.OperationalError):
            driver.execute("PRAGMA journal_mode = WAL")


def _check_schema(engine: Engine, place: str, *, create: bool) -> None:
    with engine.execution_options(reading=True).connect() as connection:
        if _holds_gradebook(connection, place):
            return
    if not create:
        raise GradebookError(f"{place} is empty: nothing has been graded into it")
    with engine.begin() as connection:
        # Another process may have made the tables since: look again, now that nobody else writes.
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql("SELECT pg_advisory_xact_lock(7364)")
        if not _holds_gradebook(connection, place):
            metadata.create_all(connection, checkfirst=False)
            connection.execute(schema_version.insert().values(version=SCHEMA_VERSION))


def _holds_gradebook(connection: Connection, place: str) -> bool:
    """Whether the tables are there; `False` for an empty database, an error for any other."""
    tables = set(inspect(connection).get_table_names())
    if not tables:
        return False
    if schema_version.name not in tables:
        raise GradebookError(
            f"{place} is a database of another program: it has other tables. Name another file"
        )
    version = connection.scalars(select(schema_version.c.version)).one_or_none()
    if version != SCHEMA_VERSION:
        raise GradebookError(
            f"{place} was written by another version of moelab "
            f"(its format is {version}, this version's {SCHEMA_VERSION}). Use that version"
        )
    return True
