"""Which files came late, as the learning platform says."""

import sqlalchemy as sa
from alembic import op

from autograder.records import LATE

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Add the column of version 4. Until now a note alone said that a file came late."""
    op.add_column(
        "attempts", sa.Column("late", sa.Boolean, nullable=False, server_default=sa.false())
    )
    attempts = sa.table("attempts", sa.column("late", sa.Boolean), sa.column("notes", sa.JSON))
    said = sa.cast(attempts.c.notes, sa.Text).like(f"%{LATE}%")
    op.execute(attempts.update().where(said).values(late=True))
    op.execute("UPDATE moelab_schema SET version = 4")
