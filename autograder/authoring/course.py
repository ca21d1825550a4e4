"""Loading assignments of a course, and the revision that a grade was made with.

Torch is imported where an assignment is loaded, not where names are looked up.
"""

from __future__ import annotations

import hashlib
import pkgutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from autograder.courses import INSTALLED, CourseError, import_course

if TYPE_CHECKING:
    from autograder.authoring.assignment import Assignment

ENGINE_PARTS = ("authoring", "grading", "inside", "lab", "models", "sandbox", "submission", "wire")
ENGINE_MODULES = ("courses.py", "records.py", "session.py")

__all__ = ["CourseError", "assignment_names", "course_revision", "load_assignment"]


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
    return assignment


def course_revision(assignment: Assignment) -> str:
    """A digest of everything that decides a grade: the assignment's sources and the engine's."""
    engine = Path(__file__).resolve().parents[1]
    sources = [path for part in ENGINE_PARTS for path in (engine / part).rglob("*.py")]
    sources += [engine / name for name in ENGINE_MODULES]
    course = assignment.folder.resolve().parent
    named = {f"engine/{path.relative_to(engine).as_posix()}": path for path in sources}
    for path in _course_files(assignment.folder.resolve()):
        named[f"course/{path.relative_to(course).as_posix()}"] = path
    digest = hashlib.sha256()
    for name, path in sorted(named.items()):
        content = path.read_bytes()
        digest.update(f"{name}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()[:16]


def _course_files(folder: Path) -> Iterator[Path]:
    """All files of an assignment, and the course's modules beside it that it may import."""
    for path in folder.rglob("*"):
        hidden = path.name.startswith((".", "#")) or path.name.endswith("~")  # an editor's
        if path.is_file() and not hidden and "__pycache__" not in path.parts:
            yield path
    yield from folder.parent.glob("*.py")
