"""What the exercise's text says, beside each check that an answer fails."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Add the column of version 6; results of before quote nothing."""
    op.add_column(
        "check_results", sa.Column("promises", sa.JSON, nullable=False, server_default="[]")
    )
    op.execute("UPDATE moelab_schema SET version = 6")
