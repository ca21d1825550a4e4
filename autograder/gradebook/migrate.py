"""Bringing a gradebook's tables to this program's version, in place and all at once."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, column, inspect, select, table

from autograder.gradebook.errors import GradebookError
from autograder.gradebook.schema import SCHEMA_REVISION, marker

MIGRATIONS = Path(__file__).parent / "migrations"
REVISIONS = tuple(f"{number:04}" for number in range(1, int(SCHEMA_REVISION) + 1))
FIRST_REVISION = "0001"  # of gradebooks that were made before Alembic kept the revision
_ALEMBIC = table("alembic_version", column("version_num"))


def revision_of(connection: Connection, place: str) -> str:
    """The revision of a gradebook's tables; "" for an empty database.

    Raises `GradebookError` for a database of another program or of a newer moelab.
    """
    tables = set(inspect(connection).get_table_names())
    if not tables:
        return ""
    if marker.name not in tables:
        raise GradebookError(
            f"{place} is a database of another program: it has other tables. Name another file"
        )
    if _ALEMBIC.name not in tables:
        return FIRST_REVISION
    found = connection.scalars(select(_ALEMBIC.c.version_num)).all()
    revision = found[0] if len(found) == 1 else "none"
    if revision not in REVISIONS:
        raise GradebookError(
            f"{place} was written by a newer version of moelab (its format is {revision}, this "
            f"version's {SCHEMA_REVISION}). Use that version"
        )
    return revision


def migrate(connection: Connection, revision: str, *, to: str = "head") -> None:
    """Take the tables from `revision` ("" for none) to this version's, within the transaction.

    `to` is another version to stop at.
    """
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    if revision == FIRST_REVISION and _ALEMBIC.name not in inspect(connection).get_table_names():
        command.stamp(config, FIRST_REVISION)
    command.upgrade(config, to)
