"""The course's rules on deadlines as the gradebook keeps them: each version, by whom, when."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import Connection, select

from autograder.gradebook.schema import policies
from autograder.text import clean_line


def newest(connection: Connection, most: int = 2) -> list[str]:
    """The newest versions of the rules, the newest first."""
    found = select(policies.c.text).order_by(policies.c.id.desc()).limit(most)
    return list(connection.scalars(found))


def insert(connection: Connection, text: str, who: str) -> bool:
    """Add the rules unless they are the newest already: whether they were added."""
    if newest(connection, 1) == [text]:
        return False
    row = {"text": text, "who": clean_line(who), "made": datetime.now(UTC)}
    connection.execute(policies.insert().values(row))
    return True
