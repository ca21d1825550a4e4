"""The first tables: runs, attempts, results of exercises and of checks.

Constraints get their names from the convention of `schema.metadata`.
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the tables of version 1."""
    op.create_table(
        "moelab_schema",
        sa.Column("version", sa.Integer, primary_key=True, autoincrement=False),
    )
    op.create_table(
        "runs",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("assignment", sa.String(200), nullable=False, index=True),
        sa.Column("course_revision", sa.String(200), nullable=False),
        sa.Column("seed", sa.Text, nullable=False),
        sa.Column("isolation", sa.String(40), nullable=False),
        sa.Column("models", sa.JSON, nullable=False),
        sa.Column("started", sa.DateTime(timezone=True), nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "attempts",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("run_id", sa.Integer, sa.ForeignKey("runs.id"), nullable=False),
        sa.Column("submission", sa.Text, nullable=False),
        sa.Column("student", sa.Text, nullable=False),
        sa.Column("digest", sa.String(200), nullable=False),
        sa.Column("readable", sa.Boolean(create_constraint=True, name="readable"), nullable=False),
        sa.Column("notes", sa.JSON, nullable=False),
        sa.Column("recorded", sa.DateTime(timezone=True), nullable=False),
        sa.UniqueConstraint("run_id", "submission"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "exercise_results",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("attempt_id", sa.Integer, sa.ForeignKey("attempts.id"), nullable=False),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.UniqueConstraint("attempt_id", "position"),
        sa.UniqueConstraint("attempt_id", "name"),
    )
    op.create_table(
        "check_results",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column(
            "exercise_result_id", sa.Integer, sa.ForeignKey("exercise_results.id"), nullable=False
        ),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("hidden", sa.Boolean(create_constraint=True, name="hidden"), nullable=False),
        sa.Column("points", sa.Float, nullable=False),
        sa.Column("outcome", sa.String(40), nullable=False),
        sa.Column("message", sa.Text, nullable=False),
        sa.Column("misconception", sa.Text),
        sa.Column("seconds", sa.Float, nullable=False),
        sa.UniqueConstraint("exercise_result_id", "position"),
        sa.UniqueConstraint("exercise_result_id", "name"),
    )
    op.execute("INSERT INTO moelab_schema (version) VALUES (1)")
