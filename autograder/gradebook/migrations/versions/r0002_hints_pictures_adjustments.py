"""Hints, pictures, points given by hand, and which run an interrupted one goes on in."""

from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_REPLACED = "does not count: the same student's newest submission is "


def upgrade() -> None:
    """Add the columns and tables of version 2; every run of version 1 counts as ended."""
    op.add_column("check_results", sa.Column("hint", sa.Text, nullable=False, server_default=""))
    op.add_column("attempts", sa.Column("identity", sa.JSON, nullable=False, server_default="[]"))
    # Columns are added as they stand: copying `runs` would break what refers to it in SQLite.
    op.add_column(
        "runs", sa.Column("regrade", sa.Boolean, nullable=False, server_default=sa.false())
    )
    op.add_column(
        "runs", sa.Column("continues", sa.Integer, sa.ForeignKey("runs.id")), inline_references=True
    )
    op.create_table(
        "run_ends",
        sa.Column("run_id", sa.Integer, sa.ForeignKey("runs.id"), primary_key=True),
        sa.Column("ended", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_table(
        "pictures",
        sa.Column(
            "exercise_result_id", sa.Integer, sa.ForeignKey("exercise_results.id"), primary_key=True
        ),
        sa.Column("png", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "adjustments",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column(
            "attempt_id", sa.Integer, sa.ForeignKey("attempts.id"), nullable=False, index=True
        ),
        sa.Column("exercise", sa.String(200), nullable=False),
        sa.Column("points", sa.Float),
        sa.Column("who", sa.Text, nullable=False),
        sa.Column("why", sa.Text, nullable=False),
        sa.Column("made", sa.DateTime(timezone=True), nullable=False),
        sqlite_autoincrement=True,
    )
    replacements = op.create_table(
        "replacements",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column(
            "attempt_id", sa.Integer, sa.ForeignKey("attempts.id"), nullable=False, index=True
        ),
        sa.Column("submission", sa.Text, nullable=False),
        sa.Column("noted", sa.DateTime(timezone=True), nullable=False),
        sqlite_autoincrement=True,
    )
    op.execute("INSERT INTO run_ends (run_id, ended) SELECT id, started FROM runs")
    op.execute("UPDATE moelab_schema SET version = 2")
    if found := _replaced():
        op.bulk_insert(replacements, found)


def _replaced() -> list[dict[str, object]]:
    """What version 1 said in a note alone: that a newer submission counts."""
    attempts = sa.table("attempts", sa.column("id", sa.Integer), sa.column("notes", sa.JSON))
    return [
        {
            "attempt_id": number,
            "submission": note.removeprefix(_REPLACED),
            "noted": datetime.now(UTC),
        }
        for number, notes in op.get_bind().execute(sa.select(attempts)).all()
        for note in notes
        if note.startswith(_REPLACED)
    ]
