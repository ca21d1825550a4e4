"""When files were handed in, and the course's rules on deadlines."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Add the column and the table of version 9; of files of before no time is known."""
    op.add_column("attempts", sa.Column("submitted", sa.DateTime(timezone=True)))
    op.create_table(
        "policies",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("who", sa.Text, nullable=False),
        sa.Column("made", sa.DateTime(timezone=True), nullable=False),
        sqlite_autoincrement=True,
    )
    op.execute("UPDATE moelab_schema SET version = 9")
