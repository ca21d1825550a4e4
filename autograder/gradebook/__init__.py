"""Where grades are kept: every attempt, in SQLite now, in PostgreSQL by its URL."""

from autograder.gradebook.connection import GradebookError
from autograder.gradebook.store import Gradebook

__all__ = ["Gradebook", "GradebookError"]
