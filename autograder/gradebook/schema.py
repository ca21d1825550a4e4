"""The gradebook's tables. Rows are only ever added: a new attempt never replaces an old one.

Scores are not stored, since they follow from the checks. Constraints have names, so that a later
migration can address them in SQLite and in PostgreSQL alike. A change here needs a migration in
`migrations/versions/`, which a test compares with these tables.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    DateTime,
    Float,
    ForeignKey,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    false,
)

SCHEMA_REVISION = "0011"  # the newest migration

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(column_0_label)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# Marks a database as a gradebook. Alembic's own table holds the revision; the number here is what
# a program of before the migrations looks at before it refuses.
marker = Table(
    "moelab_schema",
    metadata,
    Column("version", Integer, primary_key=True, autoincrement=False),
)

runs = Table(
    "runs",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("assignment", String(200), nullable=False, index=True),
    Column("title", Text, nullable=False, server_default=""),
    Column("course_revision", String(200), nullable=False),
    Column("seed", Text, nullable=False),
    Column("isolation", String(40), nullable=False),
    Column("models", JSON, nullable=False),
    Column("started", DateTime(timezone=True), nullable=False),
    Column("regrade", Boolean, nullable=False, server_default=false()),
    Column("continues", ForeignKey("runs.id")),  # the first of the interrupted runs it goes on with
    sqlite_autoincrement=True,
)

run_ends = Table(
    "run_ends",
    metadata,
    Column("run_id", ForeignKey("runs.id"), primary_key=True),
    Column("ended", DateTime(timezone=True), nullable=False),
)

# Where the files of a run were found, to run a check again.
run_places = Table(
    "run_places",
    metadata,
    Column("run_id", ForeignKey("runs.id"), primary_key=True),
    Column("paths", JSON, nullable=False),
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
    Column("identity", JSON, nullable=False, server_default="[]"),
    Column("late", Boolean, nullable=False, server_default=false()),
    Column("submitted", DateTime(timezone=True)),
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
    Column("hint", Text, nullable=False, server_default=""),
    Column("promises", JSON, nullable=False, server_default="[]"),
    Column("evidence", JSON, nullable=False, server_default="[]"),
    Column("seconds", Float, nullable=False),
    UniqueConstraint("exercise_result_id", "position"),
    UniqueConstraint("exercise_result_id", "name"),
)

pictures = Table(
    "pictures",
    metadata,
    Column("exercise_result_id", ForeignKey("exercise_results.id"), primary_key=True),
    Column("png", LargeBinary, nullable=False),
)

# The function as its student wrote it, with the helpers that it names: for instructors alone.
codes = Table(
    "codes",
    metadata,
    Column("exercise_result_id", ForeignKey("exercise_results.id"), primary_key=True),
    Column("source", Text, nullable=False),
)


def _decision() -> tuple[Column[Any], ...]:
    """What a person decided about one exercise: its points in all, or none of their own ("points"
    is null) where an earlier decision is taken back.
    """
    return (
        Column("exercise", String(200), nullable=False),
        Column("points", Float),
        Column("who", Text, nullable=False),
        Column("why", Text, nullable=False),
        Column("made", DateTime(timezone=True), nullable=False),
    )


# What was decided about a submission.
adjustments = Table(
    "adjustments",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("attempt_id", ForeignKey("attempts.id"), nullable=False, index=True),
    *_decision(),
    sqlite_autoincrement=True,
)

# What was decided about a student who handed in nothing: "identity" is how a roster knows them.
absences = Table(
    "absences",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("assignment", String(200), nullable=False, index=True),
    Column("student", Text, nullable=False),
    Column("identity", JSON, nullable=False),
    *_decision(),
    sqlite_autoincrement=True,
)

# What was decided about one member of the team that handed a submission in.
member_adjustments = Table(
    "member_adjustments",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("attempt_id", ForeignKey("attempts.id"), nullable=False, index=True),
    Column("student", Text, nullable=False),
    Column("identity", JSON, nullable=False),
    *_decision(),
    sqlite_autoincrement=True,
)

# What changed in the course: names ("check" is "" for a whole exercise), points, void checks.
course_changes = Table(
    "course_changes",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("assignment", String(200), nullable=False, index=True),
    Column("exercise", String(200), nullable=False),
    Column("check", String(200), nullable=False),
    Column("kind", String(40), nullable=False),
    Column("value", Text, nullable=False),
    Column("who", Text, nullable=False),
    Column("why", Text, nullable=False),
    Column("made", DateTime(timezone=True), nullable=False),
    sqlite_autoincrement=True,
)

# Which newer submission of the same student counts in place of an attempt; "" for none any more.
replacements = Table(
    "replacements",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("attempt_id", ForeignKey("attempts.id"), nullable=False, index=True),
    Column("submission", Text, nullable=False),
    Column("noted", DateTime(timezone=True), nullable=False),
    sqlite_autoincrement=True,
)

# The course's rules on deadlines, each time that they changed: the newest row counts.
policies = Table(
    "policies",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("text", Text, nullable=False),
    Column("who", Text, nullable=False),
    Column("made", DateTime(timezone=True), nullable=False),
    sqlite_autoincrement=True,
)


def _made() -> tuple[Column[Any], ...]:
    """Who did something, and when."""
    return (
        Column("who", Text, nullable=False),
        Column("made", DateTime(timezone=True), nullable=False),
    )


def _of_attempt() -> tuple[Column[Any], ...]:
    """An exercise of a submission."""
    return (
        Column("id", Integer, primary_key=True),
        Column("attempt_id", ForeignKey("attempts.id"), nullable=False, index=True),
        Column("exercise", String(200), nullable=False),
    )


# What people wrote to a student about an exercise: the newest row counts, "" for nothing any more.
comments = Table(
    "comments",
    metadata,
    *_of_attempt(),
    Column("text", Text, nullable=False),
    *_made(),
    sqlite_autoincrement=True,
)

# Who has looked at an answer, or wants it to be looked at again.
looks = Table(
    "looks",
    metadata,
    *_of_attempt(),
    Column("looked", Boolean, nullable=False),
    *_made(),
    sqlite_autoincrement=True,
)

# Which items of the rubric a person chose for an answer; of each item the newest row counts.
rubric_marks = Table(
    "rubric_marks",
    metadata,
    *_of_attempt(),
    Column("item", Text, nullable=False),
    Column("points", Float, nullable=False),
    Column("chosen", Boolean, nullable=False),
    *_made(),
    sqlite_autoincrement=True,
)

# The rubric of an exercise: the newest row of each item counts, without points it is withdrawn.
rubric_items = Table(
    "rubric_items",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("assignment", String(200), nullable=False, index=True),
    Column("exercise", String(200), nullable=False),
    Column("item", Text, nullable=False),
    Column("points", Float),
    *_made(),
    sqlite_autoincrement=True,
)
