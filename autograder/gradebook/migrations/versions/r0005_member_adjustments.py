"""Points given by hand to one member of a team."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Add the table of version 5."""
    op.create_table(
        "member_adjustments",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column(
            "attempt_id", sa.Integer, sa.ForeignKey("attempts.id"), nullable=False, index=True
        ),
        sa.Column("student", sa.Text, nullable=False),
        sa.Column("identity", sa.JSON, nullable=False),
        sa.Column("exercise", sa.String(200), nullable=False),
        sa.Column("points", sa.Float),
        sa.Column("who", sa.Text, nullable=False),
        sa.Column("why", sa.Text, nullable=False),
        sa.Column("made", sa.DateTime(timezone=True), nullable=False),
        sqlite_autoincrement=True,
    )
    op.execute("UPDATE moelab_schema SET version = 5")
