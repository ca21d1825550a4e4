"""Loading the assignments of a course.

Torch is imported where an assignment is loaded, not where names are looked up.
"""

from __future__ import annotations

import pkgutil
from typing import TYPE_CHECKING

from autograder.courses import INSTALLED, CourseError, import_course

if TYPE_CHECKING:
    from autograder.authoring.assignment import Assignment


__all__ = ["CourseError", "assignment_names", "load_assignment"]


def assignment_names(course: str = INSTALLED) -> tuple[str, ...]:
    """The assignments of a course package, in alphabetical order."""
    package = import_course(course)
    folders = list(getattr(package, "__path__", ()))
    found = pkgutil.iter_modules(folders)
    return tuple(sorted(m.name for m in found if m.ispkg and not m.name.startswith("_")))


def load_assignment(name: str, course: str = INSTALLED) -> Assignment:
    """Import an assignment: the object `assignment` of the package `<course>.<name>`.

    Raises `CourseError` for an unknown name and for a package that declares no exercises.
    """
    known = assignment_names(course)
    if name not in known:
        raise CourseError(f"there is no assignment {name!r}; there is {', '.join(known) or 'none'}")
    from autograder.authoring.assignment import Assignment

    module = import_course(course, name)
    assignment = getattr(module, "assignment", None)
    if not isinstance(assignment, Assignment):
        raise CourseError(f"{module.__file__}: define `assignment = Assignment(…)` in it")
    if not assignment.exercises or assignment.possible <= 0:
        raise CourseError(f"{module.__file__}: the assignment has no exercises with points")
    for exercise in assignment.exercises:
        if exercise.reference is not None:
            try:
                exercise.catches  # noqa: B018 (read once, while there is somebody to tell)
            except ValueError as error:
                raise CourseError(str(error)) from error
    return assignment
