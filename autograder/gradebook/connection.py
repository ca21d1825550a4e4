"""Reaching the database: which URLs are taken, how SQLite is set up, and errors in plain words."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.engine import URL
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, SQLAlchemyError
from sqlalchemy.pool import ConnectionPoolEntry, NullPool, StaticPool

from autograder.gradebook.errors import GradebookError
from autograder.gradebook.migrate import migrate, revision_of
from autograder.gradebook.schema import SCHEMA_REVISION
from autograder.gradebook.shape import check_shape
from autograder.text import clean_line

_DRIVERS = {"sqlite": "sqlite", "postgresql": "postgresql+psycopg"}
_WRITERS = 7364  # the advisory lock in PostgreSQL that whoever writes holds
_LONGEST = 160  # characters of a driver's own words

# What a driver says, and what that means for a person.
_MEANINGS = {
    "not a database": "is not a gradebook: the file is not an SQLite database. Name another file",
    "is locked": "is in use by another program. Try again when that has finished",
    "lock timeout": "is in use by another program. Try again when that has finished",
    "unable to open": "cannot be opened. Check that its folder exists and may be written to",
    "readonly": "is read-only. Copy it to a place that may be written to",
    "disk is full": "cannot grow: the disk is full. Make room and start again",
    "No space left": "cannot grow: the disk is full. Make room and start again",
    "IOERR_SHMSIZE": "cannot grow: the disk is full. Make room and start again",
    "disk I/O": "cannot be read or written: the disk reports an error. See whether it is full",
    "malformed": "is damaged. Restore a copy of it",
    "out of range": "cannot keep a number that is this large",
    "no such table": "has lost its tables: its file was replaced. Put it back",
    "authentication failed": "refuses this user or password. Correct the URL",
    "permission denied": "does not let this user in. Ask whoever looks after the database",
    "does not exist": "does not exist on that server. Create the database or correct the URL",
    "Connection refused": "cannot be reached. Check the URL, and that the server runs",
    "No such file": "cannot be reached. Check the URL, and that the server runs",
    "could not translate": "cannot be reached. Check the URL, and that the server runs",
    "resolve host": "cannot be reached. Check the URL, and that the server runs",
    "timeout expired": "cannot be reached in time. Check the URL, and that the server runs",
    "closed the connection": "has lost its server. Start again when the server is back",
    "terminating connection": "has lost its server. Start again when the server is back",
    "shutting down": "has lost its server. Start again when the server is back",
    "starting up": "is still starting up. Try again in a moment",
}


def gradebook_url(text: str) -> URL:
    """Read a URL of SQLite or PostgreSQL; a plain path means an SQLite file."""
    if "://" not in text:
        return URL.create("sqlite", database=text)
    try:
        url = make_url(text)
        backend = url.get_backend_name()
    except (ArgumentError, ValueError):
        backend = ""
    if backend not in _DRIVERS:
        raise GradebookError(
            f"{text.split('@')[-1]!r} is not the URL of a gradebook: "
            "write sqlite:///gradebook.db or postgresql://user@host/name"
        )
    return url.set(drivername=_DRIVERS[backend]) if url.drivername == backend else url


def place_of(url: URL) -> str:
    """Where the gradebook is, for messages: a file's path, or the URL without its password."""
    if url.get_backend_name() == "sqlite":
        return f"the gradebook {url.database or 'in memory'}"
    shown = url.set(drivername=url.get_backend_name())
    return f"the gradebook {shown.render_as_string(hide_password=True)}"


def open_engine(url: URL, *, create: bool, wait: float) -> Engine:
    """Connect, and make sure that the database is a gradebook of this version.

    An empty database becomes a gradebook when `create`; one of an older version becomes one of this
    version. `wait` is how many seconds to wait for another program's write to end.
    """
    file = sqlite_file(url)
    if file is not None and not create and not file.exists():
        raise GradebookError(f"{file}: no such gradebook. `moelab grade` makes one")
    with explained(place_of(url)):
        engine = _engine(url, wait)
        _check_schema(engine, place_of(url), create=create)
        if file is not None:
            if create:
                _let_readers_in(engine)
            _keep_to_the_file(engine, file)
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
            f"{place} needs the Python package {missing}: install moelab[postgres], or use "
            "sqlite:///FILE"
        ) from error
    except SQLAlchemyError as error:
        said = str(error.orig) if isinstance(error, DBAPIError) else str(error)
        code = getattr(getattr(error, "orig", None), "sqlite_errorname", "")
        for words, meaning in _MEANINGS.items():
            if words in said or words in code:
                raise GradebookError(f"{place} {meaning}.") from error
        words = clean_line(said, _LONGEST)
        raise GradebookError(f"{place} cannot be used: {words}") from error


def _engine(url: URL, wait: float) -> Engine:
    if url.get_backend_name() != "sqlite":
        return _server_engine(url, wait)
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


def _server_engine(url: URL, wait: float) -> Engine:
    engine = create_engine(url, pool_pre_ping=True, connect_args={"connect_timeout": 10})

    def begin(connection: Connection) -> None:
        if not connection.get_execution_options().get("reading", False):
            # Writers take turns, as in SQLite: what one looks up stays true until it has written.
            connection.exec_driver_sql(f"SET LOCAL lock_timeout = {int(wait * 1000)}")
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_WRITERS})")

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


def _keep_to_the_file(engine: Engine, file: Path) -> None:
    """Never make a new, empty file where the gradebook was."""

    def look(*connecting: object) -> None:
        if not file.exists():
            raise GradebookError(
                f"{file} has gone: the gradebook was removed while it was in use. Put it back"
            )

    event.listen(engine, "do_connect", look)


def _check_schema(engine: Engine, place: str, *, create: bool) -> None:
    with engine.execution_options(reading=True).connect() as connection:
        check_shape(connection, place)
        revision = revision_of(connection, place)
    if revision == SCHEMA_REVISION:
        return
    if not revision and not create:
        raise GradebookError(f"{place} is empty: nothing has been graded into it")
    with engine.begin() as connection:
        # Another process may have been faster: look again, now that nobody else writes.
        check_shape(connection, place)
        revision = revision_of(connection, place)
        if revision != SCHEMA_REVISION:
            migrate(connection, revision)
