"""Each function as its student wrote it, and where the files of a run were found."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Add the tables of version 8; attempts of before have no code, and runs no places."""
    op.create_table(
        "codes",
        sa.Column(
            "exercise_result_id",
            sa.Integer,
            sa.ForeignKey("exercise_results.id"),
            primary_key=True,
        ),
        sa.Column("source", sa.Text, nullable=False),
    )
    op.create_table(
        "run_places",
        sa.Column("run_id", sa.Integer, sa.ForeignKey("runs.id"), primary_key=True),
        sa.Column("paths", sa.JSON, nullable=False),
    )
    op.execute("UPDATE moelab_schema SET version = 8")
