"""What people do while they go through answers: comments, looks and rubric items."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def _made() -> list[sa.Column[Any]]:
    return [
        sa.Column("who", sa.Text, nullable=False),
        sa.Column("made", sa.DateTime(timezone=True), nullable=False),
    ]


def _of_attempt() -> list[sa.Column[Any]]:
    return [
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column(
            "attempt_id", sa.Integer, sa.ForeignKey("attempts.id"), nullable=False, index=True
        ),
        sa.Column("exercise", sa.String(200), nullable=False),
    ]


def upgrade() -> None:
    """Add the tables of version 10."""
    op.create_table(
        "comments",
        *_of_attempt(),
        sa.Column("text", sa.Text, nullable=False),
        *_made(),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "looks",
        *_of_attempt(),
        sa.Column("looked", sa.Boolean, nullable=False),
        *_made(),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "rubric_marks",
        *_of_attempt(),
        sa.Column("item", sa.Text, nullable=False),
        sa.Column("points", sa.Float, nullable=False),
        sa.Column("chosen", sa.Boolean, nullable=False),
        *_made(),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "rubric_items",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("assignment", sa.String(200), nullable=False, index=True),
        sa.Column("exercise", sa.String(200), nullable=False),
        sa.Column("item", sa.Text, nullable=False),
        sa.Column("points", sa.Float),
        *_made(),
        sqlite_autoincrement=True,
    )
    op.execute("UPDATE moelab_schema SET version = 10")
