"""What a failed check saw: a call, what it gave, and what the reference gives."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Add the column of version 7; results of before have no evidence."""
    op.add_column(
        "check_results", sa.Column("evidence", sa.JSON, nullable=False, server_default="[]")
    )
    op.execute("UPDATE moelab_schema SET version = 7")
