"""Where grades are kept: every attempt, in SQLite or, by its URL, in PostgreSQL."""

from autograder.gradebook.course_changes import CourseChange
from autograder.gradebook.decisions import Adjustment
from autograder.gradebook.errors import GradebookError
from autograder.gradebook.store import Gradebook
from autograder.gradebook.writing import Interrupted

__all__ = ["Adjustment", "CourseChange", "Gradebook", "GradebookError", "Interrupted"]
