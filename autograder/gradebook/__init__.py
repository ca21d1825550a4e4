"""Where grades are kept: every attempt, in SQLite or, by its URL, in PostgreSQL."""

from autograder.gradebook.errors import GradebookError
from autograder.gradebook.store import Gradebook

__all__ = ["Gradebook", "GradebookError"]
