"""The gradebook's tables. Rows are only ever added: a new attempt never replaces an old one.

Scores are not stored, since they follow from the checks. Constraints have names, so that a later
migration can address them in SQLite and in PostgreSQL alike.
"""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    DateTime,
    Float,
    ForeignKey,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

SCHEMA_VERSION = 1

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(column_0_label)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

schema_version = Table(
    "moelab_schema",
    metadata,
    Column("version", Integer, primary_key=True, autoincrement=False),
)

runs = Table(
    "runs",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("assignment", String(200), nullable=False, index=True),
    Column("course_revision", String(200), nullable=False),
    Column("seed", Text, nullable=False),
    Column("isolation", String(40), nullable=False),
    Column("models", JSON, nullable=False),
    Column("started", DateTime(timezone=True), nullable=False),
    sqlite_autoincrement=True,
)

attempts = Table(
    "attempts",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("run_id", ForeignKey("runs.id"), nullable=False),
    Column("submission", Text, nullable=False),
    Column("student", Text, nullable=False),
    Column("digest", String(200), nullable=False),
    Column("readable", Boolean(create_constraint=True, name="readable"), nullable=False),
    Column("notes", JSON, nullable=False),
    Column("recorded", DateTime(timezone=True), nullable=False),
    UniqueConstraint("run_id", "submission"),
    sqlite_autoincrement=True,
)

exercise_results = Table(
    "exercise_results",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("attempt_id", ForeignKey("attempts.id"), nullable=False),
    Column("position", Integer, nullable=False),
    Column("name", String(200), nullable=False),
    UniqueConstraint("attempt_id", "position"),
    UniqueConstraint("attempt_id", "name"),
)

check_results = Table(
    "check_results",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("exercise_result_id", ForeignKey("exercise_results.id"), nullable=False),
    Column("position", Integer, nullable=False),
    Column("name", String(200), nullable=False),
    Column("title", Text, nullable=False),
    Column("hidden", Boolean(create_constraint=True, name="hidden"), nullable=False),
    Column("points", Float, nullable=False),
    Column("outcome", String(40), nullable=False),
    Column("message", Text, nullable=False),
    Column("misconception", Text),
    Column("seconds", Float, nullable=False),
    UniqueConstraint("exercise_result_id", "position"),
    UniqueConstraint("exercise_result_id", "name"),
)
